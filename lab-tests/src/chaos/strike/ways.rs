//! Faults between processes: the network, the telemetry target, the webhook receiver.

use std::time::Duration;

use contract::Stage;
use lab::Part;
use tokio::time::sleep;

use super::{Proof, Striker};
use crate::chaos::{
    TELEMETRY_CONNECTION,
    fault::{Network, Receiver, Telemetry},
    proxy::Condition,
};

const DELAY: Duration = Duration::from_millis(150);
/// Bytes per second of a service's connection to the broker.
const THROTTLED: u32 = 32 * 1024;
/// Bytes per second of telemetry, far below what a loaded lab sends.
const TELEMETRY_THROTTLED: u32 = 4 * 1024;

impl Striker {
    pub(super) async fn network(&self, how: Network, stage: Stage, lasts: Duration) -> Proof {
        let condition = match how {
            Network::Reset => Condition::Reset,
            Network::Delay => Condition::Delay(DELAY),
            Network::HalfOpen => Condition::Silent,
            Network::Throttle => Condition::Throttle(THROTTLED),
        };
        // As the bus names its connection.
        let name = format!("waybill-{stage}");
        let open = self.broker_proxy.set(&name, condition);
        sleep(lasts).await;
        if matches!(how, Network::Delay | Network::Throttle) {
            self.broker_proxy.set(&name, Condition::Normal);
        }
        if open > 0 {
            Ok(format!("on {open} connections"))
        } else {
            Err(format!("no connection named {name}"))
        }
    }

    pub(super) async fn telemetry(&self, how: Telemetry, lasts: Duration) -> Proof {
        let text = |error: lab::supervisor::PartError| error.to_string();
        match how {
            Telemetry::Hanging => self.hold(Part::Console, lasts).await,
            Telemetry::Down => {
                self.lab.stop(Part::Console).await.map_err(text)?;
                sleep(lasts).await;
                self.lab.start(Part::Console).await.map_err(text)?;
                Ok("it was stopped".to_owned())
            }
            Telemetry::Slow => {
                let slow = Condition::Throttle(TELEMETRY_THROTTLED);
                let open = self.telemetry_proxy.set(TELEMETRY_CONNECTION, slow);
                sleep(lasts).await;
                self.telemetry_proxy.set(TELEMETRY_CONNECTION, Condition::Normal);
                if open > 0 {
                    Ok(format!("on {open} connections"))
                } else {
                    Err("no open connection".to_owned())
                }
            }
        }
    }

    pub(super) async fn receiver(&mut self, how: Receiver, lasts: Duration) -> Proof {
        match how {
            Receiver::Failing => {
                self.receiver.fail(true);
                sleep(lasts).await;
                self.receiver.fail(false);
                Ok("it responded with 500".to_owned())
            }
            Receiver::Closed => {
                self.receiver.close().await;
                sleep(lasts).await;
                self.receiver.open().await;
                Ok("it was closed".to_owned())
            }
        }
    }
}

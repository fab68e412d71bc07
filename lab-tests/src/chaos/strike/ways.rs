//! What happens between processes: the network, the telemetry's target, the receiver of notices.

use std::time::Duration;

use contract::Stage;
use lab::Part;
use tokio::time::sleep;

use super::{Proof, Striker};
use crate::chaos::{
    TELEMETRY_WAY,
    fault::{Network, Receiver, Telemetry},
    proxy::Weather,
};

const DELAY: Duration = Duration::from_millis(150);
/// Bytes a second of a service's connection to the broker.
const THROTTLED: u32 = 32 * 1024;
/// Bytes a second of telemetry, far below what a loaded lab sends.
const TELEMETRY_THROTTLED: u32 = 4 * 1024;

impl Striker {
    pub(super) async fn network(&self, how: Network, stage: Stage, lasts: Duration) -> Proof {
        let weather = match how {
            Network::Reset => Weather::Reset,
            Network::Delay => Weather::Delay(DELAY),
            Network::HalfOpen => Weather::Silent,
            Network::Throttle => Weather::Throttle(THROTTLED),
        };
        // As the bus names its connection.
        let name = format!("waybill-{stage}");
        let open = self.broker_way.set(&name, weather);
        sleep(lasts).await;
        if matches!(how, Network::Delay | Network::Throttle) {
            self.broker_way.set(&name, Weather::Fair);
        }
        if open > 0 {
            Ok(format!("on {open} connections"))
        } else {
            Err(format!("no connection named {name}"))
        }
    }

    pub(super) async fn telemetry(&self, how: Telemetry, lasts: Duration) -> Proof {
        let said = |error: lab::supervisor::PartError| error.to_string();
        match how {
            Telemetry::Hanging => self.hold(Part::Console, lasts).await,
            Telemetry::Down => {
                self.lab.stop(Part::Console).await.map_err(said)?;
                sleep(lasts).await;
                self.lab.start(Part::Console).await.map_err(said)?;
                Ok("it was gone".to_owned())
            }
            Telemetry::Slow => {
                let slow = Weather::Throttle(TELEMETRY_THROTTLED);
                let open = self.telemetry_way.set(TELEMETRY_WAY, slow);
                sleep(lasts).await;
                self.telemetry_way.set(TELEMETRY_WAY, Weather::Fair);
                if open > 0 { Ok(format!("on {open} connections")) } else { Err("none".to_owned()) }
            }
        }
    }

    pub(super) async fn receiver(&mut self, how: Receiver, lasts: Duration) -> Proof {
        match how {
            Receiver::Failing => {
                self.receiver.fail(true);
                sleep(lasts).await;
                self.receiver.fail(false);
                Ok("it answered 500".to_owned())
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

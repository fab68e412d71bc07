//! Faults of the network, the telemetry target and the webhook receiver.

use std::time::Duration;

use contract::Stage;
use lab::Part;
use tokio::time::sleep;

use super::{FaultInjector, Proof};
use crate::chaos::{
    TELEMETRY_CONNECTION,
    fault::{NetworkFault, ReceiverFault, TelemetryFault},
    proxy::Condition,
};

const DELAY: Duration = Duration::from_millis(150);
/// Bytes per second of a service's connection to the broker.
const THROTTLED: u32 = 32 * 1024;
/// Bytes per second of telemetry, far below what a loaded lab sends.
const TELEMETRY_THROTTLED: u32 = 4 * 1024;

impl FaultInjector {
    pub(super) async fn network(
        &self,
        how: NetworkFault,
        stage: Stage,
        duration: Duration,
    ) -> Proof {
        let condition = match how {
            NetworkFault::Reset => Condition::Reset,
            NetworkFault::Delay => Condition::Delay(DELAY),
            NetworkFault::HalfOpen => Condition::Silent,
            NetworkFault::Throttle => Condition::Throttle(THROTTLED),
        };
        // The connection name that the services use.
        let name = format!("waybill-{stage}");
        let open = self.broker_proxy.set(&name, condition);
        sleep(duration).await;
        if matches!(how, NetworkFault::Delay | NetworkFault::Throttle) {
            self.broker_proxy.set(&name, Condition::Normal);
        }
        if open > 0 {
            Ok(format!("on {open} connections"))
        } else {
            Err(format!("no connection named {name}"))
        }
    }

    pub(super) async fn telemetry(&self, how: TelemetryFault, duration: Duration) -> Proof {
        let text = |error: lab::supervisor::PartError| error.to_string();
        match how {
            TelemetryFault::Hanging => self.suspend(Part::Console, duration).await,
            TelemetryFault::Down => {
                self.lab.stop(Part::Console).await.map_err(text)?;
                sleep(duration).await;
                self.lab.start(Part::Console).await.map_err(text)?;
                Ok("it was stopped".to_owned())
            }
            TelemetryFault::Slow => {
                let slow = Condition::Throttle(TELEMETRY_THROTTLED);
                let open = self.telemetry_proxy.set(TELEMETRY_CONNECTION, slow);
                sleep(duration).await;
                self.telemetry_proxy.set(TELEMETRY_CONNECTION, Condition::Normal);
                if open > 0 {
                    Ok(format!("on {open} connections"))
                } else {
                    Err("no open connection".to_owned())
                }
            }
        }
    }

    pub(super) async fn receiver(&mut self, how: ReceiverFault, duration: Duration) -> Proof {
        match how {
            ReceiverFault::Failing => {
                self.receiver.fail(true);
                sleep(duration).await;
                self.receiver.fail(false);
                Ok("it responded with 500".to_owned())
            }
            ReceiverFault::Closed => {
                self.receiver.close().await;
                sleep(duration).await;
                self.receiver.open().await;
                Ok("it was closed".to_owned())
            }
        }
    }
}

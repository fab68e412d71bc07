//! The full lab: its requirements on Docker, and its health when it is running.

mod backends;
mod containers;
mod docker;
mod engine;
mod images;
mod leftovers;
mod plan;
mod ports;

use super::check::Check;

/// The result of all checks.
#[derive(Debug, Default)]
pub(super) struct Full {
    pub(super) checks: Vec<Check>,
    /// Whether any of its containers is running.
    pub(super) runs: bool,
    /// The published ports of its containers.
    pub(super) ports: Vec<u16>,
}

/// Checks Docker, this folder's `compose.yaml`, and the lab if it is running.
pub(super) async fn check() -> anyhow::Result<Full> {
    let docker = match engine::present().await {
        Ok(docker) => docker,
        Err(absent) => return Ok(Full { checks: vec![absent], ..Full::default() }),
    };
    let compose = engine::compose().await;
    let (plan, here, containers) = tokio::join!(plan::read(), images::here(), containers::all());
    let mut checks = vec![docker, compose];
    checks.extend(engine::checks(plan.as_ref().ok()).await);
    let plan = match plan {
        Ok(plan) => plan,
        Err(why) => {
            checks.push(why);
            return Ok(Full { checks, ..Full::default() });
        }
    };
    checks.push(images::check(&plan, &here));
    checks.push(leftovers::volumes(&plan).await);
    let containers = match containers {
        Ok(containers) => containers,
        Err(trouble) => {
            checks.push(Check::failed(
                "containers",
                trouble.words(),
                "check `docker compose ps --all`",
            ));
            return Ok(Full { checks, ..Full::default() });
        }
    };
    checks.extend(leftovers::versions(&plan, &containers));
    let runs = containers.iter().any(containers::Container::runs);
    if runs {
        checks.extend(containers::checks(&plan, &containers, &here));
        checks.extend(backends::checks(&containers).await?);
    } else {
        checks.push(ports::check(&plan).await);
    }
    let ports = containers.iter().flat_map(containers::Container::all_published).collect();
    Ok(Full { checks, runs, ports })
}

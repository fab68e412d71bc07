//! The full lab: what it needs of Docker before it starts, and how it fares when it runs.

mod backends;
mod containers;
mod docker;
mod engine;
mod images;
mod leftovers;
mod plan;
mod ports;

use super::check::Check;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Full {
    pub(super) checks: Vec<Check>,
    /// Whether any of its containers runs.
    pub(super) runs: bool,
    /// The ports of this machine that its containers have.
    pub(super) ports: Vec<u16>,
}

/// Looks at Docker, at this folder's `compose.yaml`, and at the lab if it runs.
pub(super) async fn look() -> anyhow::Result<Full> {
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
                "try `docker compose ps --all`",
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

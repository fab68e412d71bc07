//! The full lab: its requirements on Docker, and its health when it is running.

mod backends;
mod containers;
mod docker;
mod engine;
mod images;
mod leftovers;
mod plan;
mod ports;

use super::check::DoctorCheck;

/// The result of all checks.
#[derive(Debug, Default)]
pub(super) struct FullLabChecks {
    pub(super) checks: Vec<DoctorCheck>,
    /// Whether any of its containers is running.
    pub(super) runs: bool,
    /// The published ports of its containers.
    pub(super) ports: Vec<u16>,
}

/// Checks Docker, this folder's `compose.yaml`, and the lab if it is running.
pub(super) async fn check() -> anyhow::Result<FullLabChecks> {
    let docker = match engine::present().await {
        Ok(docker) => docker,
        Err(absent) => {
            return Ok(FullLabChecks { checks: vec![absent], ..FullLabChecks::default() });
        }
    };
    let compose = engine::compose().await;
    let (plan, local_images, containers) =
        tokio::join!(plan::read(), images::local(), containers::all());
    let mut checks = vec![docker, compose];
    checks.extend(engine::checks(plan.as_ref().ok()).await);
    let plan = match plan {
        Ok(plan) => plan,
        Err(why) => {
            checks.push(why);
            return Ok(FullLabChecks { checks, ..FullLabChecks::default() });
        }
    };
    checks.push(images::check(&plan, &local_images));
    checks.push(leftovers::volumes(&plan).await);
    let containers = match containers {
        Ok(containers) => containers,
        Err(error) => {
            checks.push(DoctorCheck::failed(
                "containers",
                error.words(),
                "check `docker compose ps --all`",
            ));
            return Ok(FullLabChecks { checks, ..FullLabChecks::default() });
        }
    };
    checks.extend(leftovers::versions(&plan, &containers));
    let runs = containers.iter().any(containers::Container::runs);
    if runs {
        checks.extend(containers::checks(&plan, &containers, &local_images));
        checks.extend(backends::checks(&containers).await?);
    } else {
        checks.push(ports::check(&plan).await);
    }
    let ports = containers.iter().flat_map(containers::Container::all_published).collect();
    Ok(FullLabChecks { checks, runs, ports })
}

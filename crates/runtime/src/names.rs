//! DNS look-ups of host names from requests and from settings.
//!
//! The system's resolver blocks a thread until the name server responds, and cannot be interrupted. So names from
//! requests are queried directly at the name servers, which needs no thread and has a timeout. Names from the settings
//! go to the system's resolver, which also has other sources; a permit is held until its thread has ended.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts},
    net::runtime::TokioRuntimeProvider,
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

/// Maximum concurrent look-ups, for each of DNS and the system resolver.
pub const LOOKUPS_MAX: usize = 16;
/// Timeout of a look-up, its wait for a permit included.
pub const LOOKUP_TIME_MAX: Duration = Duration::from_secs(2);
/// Timeout of one name server.
const SERVER_TIME_MAX: Duration = Duration::from_millis(900);
/// Maximum number of addresses of one name that are used.
const ADDRESSES_MAX: usize = 16;

/// The name servers for host names from requests.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NamesConfig {
    /// Name servers for the hosts of webhooks, in place of the system's: addresses with a port, separated by commas.
    #[arg(long, env = "WAYBILL_DNS_SERVERS", value_delimiter = ',', value_name = "ADDRESS:PORT,…", value_parser = settings::listen_address)]
    pub dns_servers: Vec<SocketAddr>,
}

/// Why a name has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No name server has an address.
    #[error("no address was found")]
    NotFound,
    /// No name server responded in time, or too many look-ups were running.
    #[error("the name could not be looked up in time")]
    Late,
}

/// Looks up a bounded number of names at a time, each within [`LOOKUP_TIME_MAX`]. Clones share the bound.
#[derive(Clone)]
pub struct Names {
    resolver: TokioResolver,
    permits: Arc<Semaphore>,
    system_permits: Arc<Semaphore>,
}

impl Names {
    /// Uses the configured name servers, or those of `/etc/resolv.conf`. Fails if there are none.
    pub fn new(config: &NamesConfig) -> anyhow::Result<Self> {
        let mut builder = if config.dns_servers.is_empty() {
            TokioResolver::builder_tokio().context("reading the system's name servers")?
        } else {
            let servers = config.dns_servers.iter().copied().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        limit(builder.options_mut());
        Ok(Self {
            resolver: builder.build().context("starting the DNS resolver")?,
            permits: Arc::new(Semaphore::new(LOOKUPS_MAX)),
            system_permits: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        })
    }

    /// The addresses of `host`, a fully qualified name: no search domain is added.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return Ok(vec![ip]);
        }
        let absolute = format!("{}.", host.trim_end_matches('.'));
        let found = async {
            let _permit = self.permits.acquire().await.map_err(|_| LookupError::Late)?;
            let found = self.resolver.lookup_ip(absolute).await;
            let found = found.map_err(|error| {
                if error.is_no_records_found() { LookupError::NotFound } else { LookupError::Late }
            })?;
            Ok(found.iter().take(ADDRESSES_MAX).collect())
        };
        timeout(LOOKUP_TIME_MAX, found).await.unwrap_or(Err(LookupError::Late))
    }

    /// The addresses of `host` by the system's resolver: for names from the settings.
    pub async fn system_addresses(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_owned();
        let found = async {
            let permit = self.system_permits.clone().acquire_owned().await;
            let permit = permit.map_err(io::Error::other)?;
            let blocking = spawn_blocking(move || {
                let found = (host.as_str(), 0).to_socket_addrs();
                drop(permit);
                Ok(found?.take(ADDRESSES_MAX).collect())
            });
            blocking.await.map_err(io::Error::other)?
        };
        timeout(LOOKUP_TIME_MAX, found)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn limit(options: &mut ResolverOpts) {
    options.timeout = SERVER_TIME_MAX;
    options.attempts = 1;
    // No cache here: the name servers have one, and a changed address is seen immediately.
    options.cache_size = 0;
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

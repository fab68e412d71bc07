//! A DNS server with configured responses, which may also never respond.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{RData, Record, RecordType},
};
use tokio::{net::UdpSocket, task::JoinSet};

/// The addresses of a name.
#[derive(Debug, Clone)]
pub enum DnsAnswer {
    /// The same addresses each time; an empty list means a name without addresses.
    As(Vec<IpAddr>),
    /// The next of these addresses for each look-up, then always the last one: a name that rebinds.
    Then(Vec<IpAddr>),
    /// Never responds to queries for this name.
    NoResponse,
}

/// Listens on a free UDP port of this machine until it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    queries: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl NameServer {
    /// Starts a server with these names; all others do not exist.
    pub async fn start(names: impl IntoIterator<Item = (&str, DnsAnswer)>) -> Self {
        let names = names.into_iter().map(|(name, known)| (format!("{name}."), known));
        Self::serve(names.collect(), Some(ResponseCode::NXDomain)).await
    }

    /// Starts a server that never responds.
    pub async fn silent() -> Self {
        Self::serve(HashMap::new(), None).await
    }

    async fn serve(mut names: HashMap<String, DnsAnswer>, unknown: Option<ResponseCode>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port is free");
        let address = socket.local_addr().expect("it is bound");
        let queries = Arc::<Mutex<Vec<String>>>::default();
        let (seen, mut serving) = (queries.clone(), JoinSet::new());
        serving.spawn(async move {
            let mut bytes = [0; 1_500];
            while let Ok((count, client)) = socket.recv_from(&mut bytes).await {
                let Ok(query) = Message::from_vec(&bytes[..count]) else { continue };
                let name = query.queries[0].name().to_lowercase().to_string();
                seen.lock().expect("only pushed to").push(name.clone());
                if let Some(response) = respond(&query, names.get_mut(&name), unknown) {
                    let _ = socket.send_to(&response, client).await;
                }
            }
        });
        Self { address, queries, _serving: serving }
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The queried names, with a trailing dot, one entry per query.
    pub fn queries(&self) -> Vec<String> {
        self.queries.lock().expect("only pushed to").clone()
    }
}

fn respond(
    query: &Message,
    known: Option<&mut DnsAnswer>,
    unknown: Option<ResponseCode>,
) -> Option<Vec<u8>> {
    let question = &query.queries[0];
    let mut response = query.clone();
    response.metadata.message_type = MessageType::Response;
    let addresses = if let Some(known) = known {
        known.next(question.query_type())?
    } else {
        response.metadata.response_code = unknown?;
        Vec::new()
    };
    for address in addresses {
        let data = match (address, question.query_type()) {
            (IpAddr::V4(ip), RecordType::A) => RData::A(ip.into()),
            (IpAddr::V6(ip), RecordType::AAAA) => RData::AAAA(ip.into()),
            _ => continue,
        };
        response.add_answer(Record::from_rdata(question.name().clone(), 0, data));
    }
    response.to_vec().ok()
}

impl DnsAnswer {
    /// The addresses for the next query; `None` for no response.
    fn next(&mut self, record_type: RecordType) -> Option<Vec<IpAddr>> {
        match self {
            Self::NoResponse => None,
            Self::As(addresses) => Some(addresses.clone()),
            Self::Then(addresses) => {
                let next = *addresses.first()?;
                // A look-up queries both A and AAAA; only the query for A advances.
                if addresses.len() > 1 && record_type == RecordType::A {
                    addresses.remove(0);
                }
                Some(vec![next])
            }
        }
    }
}

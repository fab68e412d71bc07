//! A DNS server that responds as a test defines, or not at all.

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
pub enum Known {
    /// The same addresses each time; none: the name exists without any.
    As(Vec<IpAddr>),
    /// Each look-up the next of these, the last one again and again: a name that rebinds.
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
    /// Knows these names; all others do not exist.
    pub async fn start(names: impl IntoIterator<Item = (&str, Known)>) -> Self {
        let names = names.into_iter().map(|(name, known)| (format!("{name}."), known));
        Self::serve(names.collect(), Some(ResponseCode::NXDomain)).await
    }

    /// Never responds.
    pub async fn silent() -> Self {
        Self::serve(HashMap::new(), None).await
    }

    async fn serve(mut names: HashMap<String, Known>, unknown: Option<ResponseCode>) -> Self {
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

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The names it was queries for, with a dot at the end, each query by itself.
    pub fn queries(&self) -> Vec<String> {
        self.queries.lock().expect("only pushed to").clone()
    }
}

fn respond(
    query: &Message,
    known: Option<&mut Known>,
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

impl Known {
    /// The addresses for the next query; `None` when there is to be no response.
    fn next(&mut self, record_type: RecordType) -> Option<Vec<IpAddr>> {
        match self {
            Self::NoResponse => None,
            Self::As(addresses) => Some(addresses.clone()),
            Self::Then(addresses) => {
                let next = *addresses.first()?;
                // Both kinds of address are queries for at a time; only one of them moves on.
                if addresses.len() > 1 && record_type == RecordType::A {
                    addresses.remove(0);
                }
                Some(vec![next])
            }
        }
    }
}

//! The name of a client, from its first line after the broker's greeting.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::Naming;

/// The longest opening that is read, in bytes; a `CONNECT` line has about 300.
const OPENING_BYTES_MAX: usize = 16 * 1024;

/// Forwards the opening of a connection and returns the name of the client.
pub(super) async fn opening(
    naming: Naming,
    client: &mut TcpStream,
    server: &mut TcpStream,
) -> Option<String> {
    if let Naming::Fixed(name) = naming {
        return Some(name.to_owned());
    }
    let greeting = line(server).await?;
    client.write_all(&greeting).await.ok()?;
    let connect = line(client).await?;
    server.write_all(&connect).await.ok()?;
    Some(name_in(&connect).unwrap_or_else(|| "unnamed".to_owned()))
}

/// Reads up to the end of the first line or further.
async fn line(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::with_capacity(1_024);
    while !read.contains(&b'\n') && read.len() < OPENING_BYTES_MAX {
        if from.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    Some(read)
}

fn name_in(opening: &[u8]) -> Option<String> {
    let line = opening.split(|byte| *byte == b'\n').next()?;
    let options: Value = serde_json::from_slice(line.strip_prefix(b"CONNECT ")?).ok()?;
    options["name"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn a_client_is_identified_by_its_connect_line() {
        let opening = b"CONNECT {\"verbose\":false,\"name\":\"waybill-gateway\"}\r\nPING\r\n";
        assert_eq!(name_in(opening).as_deref(), Some("waybill-gateway"));
        assert_eq!(name_in(b"PING\r\n"), None);
    }
}

//! Receivers behind TLS, with a certificate of their own making.

use std::io::Write as _;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::*;

/// A receiver behind TLS. Ends when it is dropped.
struct Secure {
    port: u16,
    /// Its certificate, in a file.
    certificate: NamedTempFile,
    _server: JoinSet<()>,
}

impl Secure {
    /// One whose certificate is made out to `name`.
    async fn named(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed([name.to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
            }
        });
        let mut certificate = NamedTempFile::new().unwrap();
        certificate.write_all(cert.pem().as_bytes()).unwrap();
        Self { port, certificate, _server: server }
    }

    fn config(&self, host: &str) -> WebhookConfig {
        config(&format!("{host}:{}", self.port))
    }

    async fn send_with(&self, config: &WebhookConfig, host: &str) -> Sent {
        send(&channel(config), &format!("https://{host}:{}/hook?token=s3cret", self.port)).await
    }
}

fn not_trusted(sent: Sent) {
    let Sent::Failed { after: None, why } = sent else { panic!("{sent:?}") };
    assert!(why.starts_with("cannot connect: invalid peer certificate"), "{why}");
}

#[tokio::test]
async fn a_receiver_with_a_configured_authority_gets_webhooks_over_tls() {
    for host in ["localhost", "127.0.0.1"] {
        let receiver = Secure::named(host).await;
        let mut config = receiver.config(host);
        config.webhook_ca_file = Some(receiver.certificate.path().to_owned());
        assert_eq!(receiver.send_with(&config, host).await, Sent::Delivered { status: 204 });
    }
}

#[tokio::test]
async fn a_receiver_with_an_unknown_authority_gets_nothing() {
    let receiver = Secure::named("localhost").await;
    not_trusted(receiver.send_with(&receiver.config("localhost"), "localhost").await);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let receiver = Secure::named("hook.example.net").await;
    let mut config = receiver.config("localhost");
    config.webhook_ca_file = Some(receiver.certificate.path().to_owned());
    not_trusted(receiver.send_with(&config, "localhost").await);
}

#[test]
fn a_file_without_certificates_is_named_when_the_notifier_starts() {
    let mut config = config("");
    let file = NamedTempFile::new().unwrap();
    for (path, word) in [
        (file.path().to_owned(), "contains no certificate"),
        (file.path().with_extension("gone"), "check that it exists"),
    ] {
        config.webhook_ca_file = Some(path.clone());
        let error = Webhook::new(&config, hosts()).err().unwrap().to_string();
        assert!(error.contains(word) && error.contains(path.to_str().unwrap()), "{error}");
    }
}

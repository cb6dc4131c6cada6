//! TLS under an authority of our own, made at every start.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::serve::Listener;
use chrono::{Datelike, Duration};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{StartError, time};

/// What a TLS server needs.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// The file with the certificate of the authority.
    pub(crate) ca: PathBuf,
}

/// Makes an authority and a server certificate, and writes `ca.pem`.
pub(crate) fn prepare(directory: &Path) -> Result<Tls, StartError> {
    let (pem, config) = certificates().map_err(StartError::Crypto)?;
    let ca = directory.join("ca.pem");
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(&ca, pem))
        .map_err(|source| StartError::WriteCertificate {
            path: ca.clone(),
            source,
        })?;
    Ok(Tls {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        ca,
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn certificates() -> Result<(String, ServerConfig), Failure> {
    let mut authority = params("intune-sim authority", Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let names = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    let mut server = params("intune-sim", names)?;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &authority)?;

    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((authority.pem(), config))
}

/// Parameters of a certificate that is valid from yesterday for a year, as strict clients want it.
fn params(name: &str, names: Vec<String>) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let day = |days| -> Result<_, Failure> {
        let date = time::now() + Duration::days(days);
        Ok(date_time_ymd(
            date.year(),
            u8::try_from(date.month())?,
            u8::try_from(date.day())?,
        ))
    };
    params.not_before = day(-1)?;
    params.not_after = day(365)?;
    Ok(params)
}

/// A listener whose connections have shaken hands; a slow handshake holds up nobody else.
pub(crate) struct TlsListener {
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: io::Result<SocketAddr>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, acceptor: TlsAcceptor) -> Self {
        let address = listener.local_addr();
        let (sender, ready) = mpsc::channel(16);
        let accepting = tokio::spawn(accept_all(listener, acceptor, sender));
        Self {
            ready,
            address,
            accepting,
        }
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address
            .as_ref()
            .copied()
            .map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }
}

async fn accept_all(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let mut handshakes = JoinSet::new();
    loop {
        // The trait's `accept` waits out errors such as too many open files.
        let (stream, address) = Listener::accept(&mut listener).await;
        while handshakes.try_join_next().is_some() {}
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        handshakes.spawn(async move {
            match acceptor.accept(stream).await {
                Ok(stream) => {
                    // Nobody receives once the listener is dropped.
                    let _ = ready.send((stream, address)).await;
                }
                Err(error) => tracing::debug!(%error, "a client broke off the TLS handshake"),
            }
        });
    }
}

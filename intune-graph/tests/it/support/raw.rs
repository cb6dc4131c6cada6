//! A server on loopback that treats its connections as badly as it is told.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What becomes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Closed before a byte is read.
    CutUnread,
    /// Closed when the request has been read.
    CutRead,
    /// Kept, and nothing said, when the request has been read.
    Hang,
    /// These bytes are sent when the request has been read, and then it is closed.
    Say(Vec<u8>),
    /// The same, and then it waits for the next request, which is treated like a new connection.
    SayAndStay(Vec<u8>),
    /// The same as `SayAndStay`, but it is closed before the next request comes.
    SayAndLeave(Vec<u8>),
}

impl Treatment {
    pub(crate) fn say(text: impl Into<Vec<u8>>) -> Self {
        Self::Say(text.into())
    }
}

/// A server with a log of the requests that it has read, whole and as they were sent.
pub(crate) struct Raw {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// A server that treats connections like this in turn, and all further ones like the last.
    pub(crate) async fn start(treatments: Vec<Treatment>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        let next = Arc::new(Mutex::new(0));
        let next = move || {
            let mut next = next.lock().unwrap();
            let treatment = treatments.get(*next).or(treatments.last()).unwrap().clone();
            *next += 1;
            treatment
        };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(treat(stream, next.clone(), Arc::clone(&log)));
            }
        });
        Self { url, received }
    }

    /// The requests, in order.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.received.lock().unwrap().len()
    }
}

async fn treat(mut stream: TcpStream, next: impl Fn() -> Treatment, log: Arc<Mutex<Vec<String>>>) {
    loop {
        let treatment = next();
        if treatment == Treatment::CutUnread {
            return;
        }
        let Some(request) = read(&mut stream).await else {
            return;
        };
        log.lock().unwrap().push(request);
        match treatment {
            Treatment::CutUnread | Treatment::CutRead => return,
            Treatment::Hang => {
                // Until the client has gone.
                let _left = stream.read(&mut [0]).await;
                return;
            }
            Treatment::Say(bytes) => {
                let _sent = stream.write_all(&bytes).await;
                let _ended = stream.shutdown().await;
                return;
            }
            Treatment::SayAndStay(bytes) => {
                let _sent = stream.write_all(&bytes).await;
            }
            Treatment::SayAndLeave(bytes) => {
                let _sent = stream.write_all(&bytes).await;
                return;
            }
        }
    }
}

/// Reads one request with its body, if it comes whole.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.to_ascii_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

//! A Graph on loopback that answers when it is let.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// A Graph that holds every answer back until it is released.
pub(crate) struct Held {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
    released: Arc<Semaphore>,
}

impl Held {
    /// A Graph whose answers are `head`, then `body`. Each ends its connection.
    pub(crate) async fn start(head: &'static str, body: impl Into<Bytes>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let released = Arc::new(Semaphore::new(0));
        let body = body.into();
        let (count, gate) = (Arc::clone(&asked), Arc::clone(&released));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (count, gate) = (Arc::clone(&count), Arc::clone(&gate));
                let body = body.clone();
                tokio::spawn(async move {
                    read_request(&mut stream).await;
                    count.fetch_add(1, Ordering::SeqCst);
                    gate.acquire().await.unwrap().forget();
                    // The client may have gone.
                    let _sent = stream.write_all(head.as_bytes()).await;
                    let _sent = stream.write_all(&body).await;
                });
            }
        });
        Self {
            url,
            asked,
            released,
        }
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets so many answers go.
    pub(crate) fn release(&self, answers: usize) {
        self.released.add_permits(answers);
    }
}

/// Reads a request that has no body.
pub(crate) async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        request.push(byte);
    }
}

/// Lets everything else run until it is so.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

/// Lets everything else run for long enough to do what it shouldn't.
pub(crate) async fn settle() {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
}

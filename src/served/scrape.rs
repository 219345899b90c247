//! The `/metrics` address of a served service.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The most bytes of a request that are read.
const MAX_REQUEST: usize = 8 * 1024;
/// How long one scrape may take.
const BOUND: Duration = Duration::from_secs(5);

/// The text that is served, as it is now.
pub(super) type Page = Rc<RefCell<String>>;

/// Serves the page to everybody who asks; never ends.
pub(super) async fn serve(listener: TcpListener, page: Page) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let page = Rc::clone(&page);
            tokio::task::spawn_local(async move {
                let _ = tokio::time::timeout(BOUND, answer(stream, page)).await;
            });
        }
    }
}

async fn answer(mut stream: TcpStream, page: Page) {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST {
        match stream.read(&mut chunk).await {
            Ok(read @ 1..) => request.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            _ => return,
        }
    }
    let body = page.borrow().clone();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
}

//! As much of a DNS server as an authority asks: text records as the test says, and 127.0.0.1 for every name.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const HEADER: usize = 12;
const A: u16 = 1;
const TXT: u16 = 16;
/// An answer, authoritative, without an error.
const ANSWER: [u8; 2] = [0x84, 0x00];
/// The name of the question, pointed at.
const SAME_NAME: [u8; 2] = [0xc0, 0x0c];
/// A text record is made of strings of so many bytes.
const STRING: usize = 255;

/// A DNS server on loopback. It ends when this value does.
pub struct TextDns {
    port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TextDns {
    /// Starts one that asks for the texts of a name, in lower case and without the final dot, each time it is asked.
    pub fn start(texts: impl Fn(&str) -> Vec<String> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = socket.local_addr().expect("a bound address").port();
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let thread = thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                // What is no question gets no answer, and whoever has left gets none either.
                if let Some(reply) = buffer.get(..length).and_then(|question| reply(question, &texts)) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Self { port, ends, thread: Some(thread) }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TextDns {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the server.
        let woken = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
        let _ = woken.and_then(|socket| socket.send_to(&[0], (Ipv4Addr::LOCALHOST, self.port)));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The answer to one question (RFC 1035, section 4.1).
fn reply(question: &[u8], texts: &impl Fn(&str) -> Vec<String>) -> Option<Vec<u8>> {
    let (mut name, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*question.get(at)?);
        at = at.checked_add(1)?;
        if length == 0 {
            break;
        }
        let end = at.checked_add(length)?;
        name.push(String::from_utf8_lossy(question.get(at..end)?).to_ascii_lowercase());
        at = end;
    }
    let end = at.checked_add(4)?;
    let kind = u16::from_be_bytes([*question.get(at)?, *question.get(at.checked_add(1)?)?]);
    let data: Vec<Vec<u8>> = match kind {
        A => vec![Ipv4Addr::LOCALHOST.octets().to_vec()],
        TXT => texts(&name.join(".")).iter().map(|text| strings(text)).collect(),
        _ => Vec::new(),
    };
    let count = u16::try_from(data.len()).ok()?;
    let mut reply = question.get(..2)?.to_vec();
    reply.extend(ANSWER);
    for count in [1, count, 0, 0] {
        reply.extend(count.to_be_bytes());
    }
    reply.extend(question.get(HEADER..end)?);
    for data in data {
        reply.extend(SAME_NAME);
        reply.extend(kind.to_be_bytes());
        // Of the Internet, not to be kept.
        reply.extend([0, 1, 0, 0, 0, 0]);
        reply.extend(u16::try_from(data.len()).ok()?.to_be_bytes());
        reply.extend(data);
    }
    Some(reply)
}

/// A text as the strings that it is made of, each behind its length.
fn strings(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in text.as_bytes().chunks(STRING) {
        bytes.push(u8::try_from(part.len()).unwrap_or_default());
        bytes.extend(part);
    }
    bytes
}

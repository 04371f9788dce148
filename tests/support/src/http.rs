//! As much HTTP/1.1 as a loopback test needs: reading one message, and one request to a control address.

use std::io::{self, BufRead, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

/// A request or an answer: its first line, its fields and its whole body.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What ends a body that names neither a length nor chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unframed {
    /// A request has none then.
    Empty,
    /// An answer ends with its connection.
    UntilClose,
    /// The answer to HEAD has none, also where it names a length.
    Never,
}

impl Message {
    /// The value of a field, whatever the case of its name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Reads a whole message; `None` where the connection ended before one began. `go_on` is called where the other
    /// side waits for leave to send its body (`Expect: 100-continue`).
    pub(crate) fn read(
        input: &mut impl BufRead,
        unframed: Unframed,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Option<Self>> {
        let Some(start) = line(input)? else { return Ok(None) };
        let mut message = Self { start, fields: fields(input)?, body: Vec::new() };
        if message.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            go_on()?;
        }
        if unframed == Unframed::Never {
            return Ok(Some(message));
        }
        let chunked = message
            .field("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        if chunked {
            message.body = chunks(input)?;
        } else if let Some(length) = message.field("content-length") {
            let length = length.trim().parse().map_err(|_| malformed("content-length"))?;
            input.take(length).read_to_end(&mut message.body)?;
            if u64::try_from(message.body.len()).ok() != Some(length) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        } else if unframed == Unframed::UntilClose {
            input.read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }

    /// Writes the message with a length in place of whatever framed it before.
    pub(crate) fn write(&self, output: &mut TcpStream, connection: &str) -> io::Result<()> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.fields {
            let framing = ["connection", "keep-alive", "transfer-encoding", "content-length", "expect"];
            if !framing.iter().any(|frame| name.eq_ignore_ascii_case(frame)) {
                bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        // What answers HEAD keeps the length of the body that it is without.
        let length = self.field("content-length").filter(|_| self.body.is_empty());
        let length = length.map_or_else(|| self.body.len().to_string(), str::to_owned);
        let frame = format!("Content-Length: {length}\r\nConnection: {connection}\r\n\r\n");
        bytes.extend_from_slice(frame.as_bytes());
        bytes.extend_from_slice(&self.body);
        output.write_all(&bytes)?;
        output.flush()
    }
}

/// Sends `body` to a control address of an emulator and demands that it is accepted.
pub(crate) fn post(address: SocketAddr, path: &str, body: &str) {
    let request = Message {
        start: format!("POST {path} HTTP/1.1"),
        fields: vec![
            ("Host".to_owned(), address.to_string()),
            ("Content-Type".to_owned(), "text/plain".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
    };
    let answer = exchange(address, &request).expect("the emulator answers");
    assert!(answer.start.contains(" 200"), "{path}: {}", answer.start);
}

/// Reads what is behind a path of an emulated service. Which service that is, an emulator sees from the signature, which it
/// does not check.
pub(crate) fn get(address: SocketAddr, service: &str, path: &str) -> String {
    let scope = format!("AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/{service}/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let request = Message {
        start: format!("GET {path} HTTP/1.1"),
        fields: vec![("Host".to_owned(), address.to_string()), ("Authorization".to_owned(), signature)],
        body: Vec::new(),
    };
    let answer = exchange(address, &request).expect("the emulator answers");
    assert!(answer.start.contains(" 200"), "{path}: {}", answer.start);
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Sends one request on a connection of its own and reads the whole answer.
pub(crate) fn exchange(address: SocketAddr, request: &Message) -> io::Result<Message> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    request.write(&mut stream, "close")?;
    let mut input = io::BufReader::new(stream);
    let unframed = if request.start.starts_with("HEAD ") { Unframed::Never } else { Unframed::UntilClose };
    Message::read(&mut input, unframed, || Ok(()))?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One line without its end; `None` at the end of the connection.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()))
}

fn fields(input: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    loop {
        let text = line(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if text.is_empty() {
            return Ok(fields);
        }
        let (name, value) = text.split_once(':').ok_or_else(|| malformed("field"))?;
        fields.push((name.trim().to_owned(), value.trim().to_owned()));
    }
}

fn chunks(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let head = line(input)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = head.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| malformed("chunk"))?;
        if size == 0 {
            // Fields may follow the last chunk.
            fields(input)?;
            return Ok(body);
        }
        let before = body.len();
        input.take(size).read_to_end(&mut body)?;
        if u64::try_from(body.len().saturating_sub(before)).ok() != Some(size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line(input)?;
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, unframed: Unframed) -> io::Result<Option<Message>> {
        Message::read(&mut text.as_bytes(), unframed, || Ok(()))
    }

    #[test]
    fn chunks_lengths_and_closing_all_frame_a_body() {
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n";
        assert_eq!(read(chunked, Unframed::Empty).unwrap().unwrap().body, b"abcde");
        let length = "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nabcde";
        assert_eq!(read(length, Unframed::Empty).unwrap().unwrap().body, b"ab");
        let open = "HTTP/1.1 200 OK\r\n\r\nabc";
        assert_eq!(read(open, Unframed::UntilClose).unwrap().unwrap().body, b"abc");
        assert_eq!(read(open, Unframed::Empty).unwrap().unwrap().body, b"");
        let of_head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        assert_eq!(read(of_head, Unframed::Never).unwrap().unwrap().body, b"");
        assert!(read("", Unframed::Empty).unwrap().is_none());
    }

    #[test]
    fn what_ends_early_is_an_error() {
        for text in [
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc",
            "POST / HTTP/1.1\r\nno colon\r\n\r\n",
            "POST / HTTP/1.1\r\n",
        ] {
            assert!(read(text, Unframed::Empty).is_err(), "{text}");
        }
    }
}

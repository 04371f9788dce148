//! The few lines of other protocols before TLS. What comes is read in bounds and up to a deadline; whatever a server
//! says instead of what it should ends as a refusal with its own words.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::target::Protocol;

/// No protocol here has longer lines.
const LONGEST_LINE: usize = 4096;
/// No greeting and no list of capabilities has more lines.
const MOST_LINES: usize = 256;
/// How much of a server's words is shown.
const SHOWN: usize = 160;

/// Why there is no TLS to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StarttlsError {
    /// Nothing more came within the deadline.
    TimedOut,
    /// The server closed the connection.
    Closed,
    /// The server said no; in its words.
    Refused(String),
    /// What came is not this protocol; how it began.
    Garbage(String),
}

impl StarttlsError {
    fn garbage(bytes: &[u8]) -> Self {
        Self::Garbage(printable(bytes))
    }
}

impl fmt::Display for StarttlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer before TLS"),
            Self::Closed => f.write_str("the server closed the connection before TLS"),
            Self::Refused(said) => write!(f, "the server refuses to begin TLS: `{said}`"),
            Self::Garbage(said) => write!(f, "the server speaks something else: `{said}`"),
        }
    }
}

impl std::error::Error for StarttlsError {}

impl From<io::Error> for StarttlsError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// Brings a fresh connection to where the TLS handshake begins. Nothing is to be done where TLS begins at once.
pub async fn upgrade<S>(stream: &mut S, protocol: Protocol, deadline: Duration) -> Result<(), StarttlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let talk = async {
        match protocol {
            Protocol::Tls => Ok(()),
            Protocol::Smtp => smtp(stream).await,
            Protocol::Imap => imap(stream).await,
            Protocol::Pop3 => pop3(stream).await,
            Protocol::Ldap => ldap(stream).await,
            Protocol::Postgres => postgres(stream).await,
        }
    };
    timeout(deadline, talk).await.unwrap_or(Err(StarttlsError::TimedOut))
}

/// RFC 3207.
async fn smtp<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), StarttlsError> {
    expect_reply(stream, b"220").await?;
    // A client without a name of its own gives an address (RFC 5321, section 4.1.1.1).
    stream.write_all(b"EHLO [127.0.0.1]\r\n").await?;
    let capabilities = expect_reply(stream, b"250").await?;
    let offers = |line: &Vec<u8>| line.get(4..).is_some_and(|word| word.eq_ignore_ascii_case(b"STARTTLS"));
    if !capabilities.iter().any(offers) {
        return Err(StarttlsError::Refused("STARTTLS is not among its capabilities".to_owned()));
    }
    stream.write_all(b"STARTTLS\r\n").await?;
    expect_reply(stream, b"220").await?;
    Ok(())
}

/// The lines of an SMTP reply with this code.
async fn expect_reply<S: AsyncRead + Unpin>(
    stream: &mut S,
    code: &[u8; 3],
) -> Result<Vec<Vec<u8>>, StarttlsError> {
    let mut lines = Vec::new();
    while lines.len() < MOST_LINES {
        let line = line(stream).await?;
        let is_reply = line.iter().take(3).filter(|byte| byte.is_ascii_digit()).count() == 3;
        let (said, mark) = (line.get(..3), line.get(3).copied());
        match mark {
            _ if !is_reply => return Err(StarttlsError::garbage(&line)),
            _ if said != Some(code.as_slice()) => return Err(StarttlsError::Refused(printable(&line))),
            Some(b'-') => lines.push(line),
            Some(b' ') | None => {
                lines.push(line);
                return Ok(lines);
            }
            Some(_) => return Err(StarttlsError::garbage(&line)),
        }
    }
    Err(StarttlsError::Garbage("a reply without an end".to_owned()))
}

/// RFC 9051, section 6.2.1.
async fn imap<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), StarttlsError> {
    let greeting = line(stream).await?;
    if greeting.starts_with(b"* BYE") {
        return Err(StarttlsError::Refused(printable(&greeting)));
    }
    if !greeting.starts_with(b"* OK") {
        return Err(StarttlsError::garbage(&greeting));
    }
    stream.write_all(b"a1 STARTTLS\r\n").await?;
    for _ in 0..MOST_LINES {
        let answer = line(stream).await?;
        if answer.starts_with(b"a1 OK") {
            return Ok(());
        }
        if answer.starts_with(b"a1 ") {
            return Err(StarttlsError::Refused(printable(&answer)));
        }
        // Untagged responses may come at any time (section 2.2.2).
        if !answer.starts_with(b"* ") {
            return Err(StarttlsError::garbage(&answer));
        }
    }
    Err(StarttlsError::Garbage("untagged responses without an end".to_owned()))
}

/// RFC 2595, section 4.
async fn pop3<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), StarttlsError> {
    for command in [b"".as_slice(), b"STLS\r\n"] {
        stream.write_all(command).await?;
        let answer = line(stream).await?;
        if answer.starts_with(b"-ERR") {
            return Err(StarttlsError::Refused(printable(&answer)));
        }
        if !answer.starts_with(b"+OK") {
            return Err(StarttlsError::garbage(&answer));
        }
    }
    Ok(())
}

/// An extended request (RFC 4511, section 4.12) with message id 1 and the name of `StartTLS` (section 4.14).
const LDAP_STARTTLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

async fn ldap<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), StarttlsError> {
    stream.write_all(LDAP_STARTTLS).await?;
    let tag = stream.read_u8().await?;
    if tag != 0x30 {
        return Err(StarttlsError::garbage(&[tag]));
    }
    let length = match stream.read_u8().await? {
        short @ 0..=0x7f => usize::from(short),
        0x81 => usize::from(stream.read_u8().await?),
        0x82 => usize::from(stream.read_u16().await?),
        // slapd writes every length in this form.
        0x84 => usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX),
        _ => return Err(StarttlsError::Garbage("an LDAP message of unknown length".to_owned())),
    };
    if length > LONGEST_LINE {
        return Err(StarttlsError::Garbage(format!("an LDAP message of {length} bytes")));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await?;
    match ldap_result(&message) {
        Some((0, _)) => Ok(()),
        Some((code, said)) => {
            Err(StarttlsError::Refused(format!("result code {code} {}", printable(said)).trim().to_owned()))
        }
        None => Err(StarttlsError::garbage(&message)),
    }
}

/// Result code and diagnostic message of an extended response (RFC 4511, section 4.1.9): the content of its envelope.
fn ldap_result(message: &[u8]) -> Option<(u8, &[u8])> {
    let (_id, rest) = element(message, 0x02)?;
    let (response, _) = element(rest, 0x78)?;
    let (code, rest) = element(response, 0x0a)?;
    let (_matched, rest) = element(rest, 0x04)?;
    let (said, _) = element(rest, 0x04)?;
    Some((*code.last()?, said))
}

/// The content of a BER element with this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    if *length < 0x80 {
        return rest.split_at_checked(usize::from(*length));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(*length & 0x7f))?;
    let length = digits
        .iter()
        .try_fold(0_usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?;
    rest.split_at_checked(length)
}

/// Length 8, code 80877103: `SSLRequest` (`PostgreSQL`, "Message Formats").
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];

async fn postgres<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Result<(), StarttlsError> {
    stream.write_all(&SSL_REQUEST).await?;
    match stream.read_u8().await? {
        b'S' => Ok(()),
        b'N' => Err(StarttlsError::Refused("`ssl` is off in its configuration".to_owned())),
        b'E' => Err(StarttlsError::Refused("an error; it may be older than SSLRequest".to_owned())),
        other => Err(StarttlsError::garbage(&[other])),
    }
}

/// A line without its end. Byte by byte, since what follows it may be TLS already.
async fn line<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, StarttlsError> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(b'\n') => break,
            Ok(byte) => line.push(byte),
            // The last words of a server that hangs up count.
            Err(_) if !line.is_empty() => return Err(StarttlsError::garbage(&line)),
            Err(_) => return Err(StarttlsError::Closed),
        }
        if line.len() > LONGEST_LINE {
            return Err(StarttlsError::garbage(&line));
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// The beginning of what a server said, fit for a terminal.
fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().take(SHOWN).map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    /// A server that says `said`, whatever it is told, and hangs up.
    async fn against(protocol: Protocol, said: &[u8]) -> Result<(), StarttlsError> {
        let (mut near, mut far) = tokio::io::duplex(1 << 16);
        far.write_all(said).await.unwrap();
        far.shutdown().await.unwrap();
        upgrade(&mut near, protocol, LIMIT).await
    }

    #[tokio::test]
    async fn servers_that_agree() {
        for (protocol, said) in [
            (Protocol::Tls, &b""[..]),
            (Protocol::Smtp, b"220-a\r\n220 b\r\n250-x\r\n250-starttls\r\n250 y\r\n220 go\r\n"),
            (Protocol::Smtp, b"220 b\n250 STARTTLS\n220\n"),
            (Protocol::Imap, b"* OK hi\r\n* CAPABILITY x\r\na1 OK go\r\n"),
            (Protocol::Pop3, b"+OK hi\r\n+OK go\r\n"),
            (Protocol::Ldap, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"),
            (
                Protocol::Ldap,
                b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00",
            ),
            (Protocol::Postgres, b"S"),
        ] {
            assert_eq!(against(protocol, said).await, Ok(()), "{protocol:?}");
        }
    }

    #[tokio::test]
    async fn servers_that_do_not() {
        for (protocol, said, shown) in [
            (Protocol::Smtp, &b"220 b\r\n250 SIZE\r\n"[..], "not among its capabilities"),
            (Protocol::Smtp, b"554 go away\r\n", "refuses to begin TLS: `554 go away`"),
            (Protocol::Smtp, b"220 b\r\n250 STARTTLS\r\n454 not now\r\n", "454 not now"),
            (Protocol::Smtp, b"HTTP/1.1 400 Bad Request\r\n", "something else: `HTTP/1.1 400"),
            (Protocol::Smtp, b"", "closed the connection"),
            (Protocol::Imap, b"* OK hi\r\na1 BAD what\r\n", "a1 BAD what"),
            (Protocol::Imap, b"* BYE full\r\n", "* BYE full"),
            (Protocol::Imap, b"+OK hi\r\n", "something else: `+OK hi`"),
            (Protocol::Pop3, b"+OK hi\r\n-ERR no\r\n", "-ERR no"),
            (
                Protocol::Ldap,
                b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x35\x04\x00\x04\x02no",
                "result code 53 no",
            ),
            (Protocol::Ldap, b"\x30\x84\xff\xff\xff\xff", "an LDAP message of 4294967295 bytes"),
            (Protocol::Ldap, b"\x1b[2J", "something else: `\\x1b`"),
            (Protocol::Postgres, b"N", "`ssl` is off"),
            (Protocol::Postgres, b"H", "something else: `H`"),
        ] {
            let error = against(protocol, said).await.unwrap_err().to_string();
            assert!(error.contains(shown), "{protocol:?} {error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_a_timeout() {
        for protocol in [Protocol::Smtp, Protocol::Imap, Protocol::Pop3, Protocol::Ldap, Protocol::Postgres] {
            let (mut near, _far) = tokio::io::duplex(64);
            assert_eq!(upgrade(&mut near, protocol, LIMIT).await, Err(StarttlsError::TimedOut));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Feature: aws-ec2-production-deployment, Property 4: whatever stands at the other end, the attempt ends, and
        /// with a reason.
        #[test]
        fn garbage_never_hangs_and_never_passes(said in proptest::collection::vec(any::<u8>(), 0..6000), kind in 0_usize..5) {
            let protocols = [Protocol::Smtp, Protocol::Imap, Protocol::Pop3, Protocol::Ldap, Protocol::Postgres];
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            let result = runtime.block_on(against(protocols[kind], &said));
            // One byte is all that PostgreSQL says.
            let agrees = kind == 4 && said.first() == Some(&b'S');
            prop_assert_eq!(result.is_ok(), agrees);
        }
    }
}

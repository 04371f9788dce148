//! Bodies of HTTP messages, of clients and of upstreams: read whole, and never without a limit.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::Body;

/// Any error of a body on its way.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    /// It has more bytes than allowed.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// The connection broke.
    #[error("the body was cut off")]
    Broken(#[source] BoxError),
}

/// The whole body, at most `limit` bytes of it.
pub(crate) async fn collect<B>(mut body: B, limit: usize) -> Result<Bytes, CollectError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CollectError::Broken(error.into()))?;
        let Ok(bytes) = frame.into_data() else { continue };
        if first.len().saturating_add(rest.len()).saturating_add(bytes.len()) > limit {
            return Err(CollectError::TooLong(limit));
        }
        // Most bodies come in one piece, which is not copied.
        if first.is_empty() && rest.is_empty() {
            first = bytes;
        } else {
            rest.extend_from_slice(&std::mem::take(&mut first));
            rest.extend_from_slice(&bytes);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, stream};
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use proptest::prelude::*;

    use super::*;

    /// What comes of a body in these pieces; nothing here waits.
    fn read(pieces: &[Vec<u8>], limit: usize) -> Result<Bytes, CollectError> {
        let frames = pieces.iter().map(|piece| Ok::<_, BoxError>(Frame::data(Bytes::copy_from_slice(piece))));
        collect(StreamBody::new(stream::iter(frames.collect::<Vec<_>>())), limit).now_or_never().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn a_body_is_the_same_in_any_pieces_and_never_longer_than_the_limit(
            pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            limit in 0_usize..80,
        ) {
            let whole = pieces.concat();
            match read(&pieces, limit) {
                Ok(body) => {
                    prop_assert!(whole.len() <= limit);
                    prop_assert_eq!(body, whole);
                }
                Err(CollectError::TooLong(most)) => {
                    prop_assert_eq!(most, limit);
                    prop_assert!(whole.len() > limit);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_no_body() {
        let frames: [Result<_, BoxError>; 2] =
            [Ok(Frame::data(Bytes::from_static(b"half"))), Err("reset".into())];
        let cut = collect(StreamBody::new(stream::iter(frames)), 100).now_or_never().unwrap();
        assert!(matches!(cut, Err(CollectError::Broken(_))));
    }
}

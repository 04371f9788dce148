//! Which trace a request belongs to: W3C Trace Context, level 1 (<https://www.w3.org/TR/trace-context/>).

use std::fmt;

/// A trace, the caller's span in it, and the span of this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// Never zero.
    pub trace_id: u128,
    /// The span of whoever called; absent where the trace begins here.
    pub parent_id: Option<u64>,
    /// The span of this request. Never zero.
    pub span_id: u64,
    /// Whether whoever began the trace wants it recorded. A trace that begins here is.
    pub sampled: bool,
}

impl TraceContext {
    /// The context of a request with this `traceparent`. A header that is not valid is as good as none.
    pub fn of(traceparent: Option<&[u8]>) -> Self {
        let span_id = fastrand::u64(1..);
        match traceparent.and_then(parse) {
            Some((trace_id, parent_id, sampled)) => {
                Self { trace_id, parent_id: Some(parent_id), span_id, sampled }
            }
            None => Self { trace_id: fastrand::u128(1..), parent_id: None, span_id, sampled: true },
        }
    }
}

/// The `traceparent` for calls that this request makes.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

fn parse(header: &[u8]) -> Option<(u128, u64, bool)> {
    let text = std::str::from_utf8(header).ok()?.trim_matches([' ', '\t']);
    let mut parts = text.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let parent_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
    let flags = hex(parts.next()?, 2)?;
    // Version 0 ends here; a later one may go on, and 255 is forbidden.
    let valid = trace_id != 0 && parent_id != 0 && version != 0xff && (version > 0 || parts.next().is_none());
    valid.then_some((trace_id, parent_id, flags & 1 == 1))
}

/// Lower-case digits only, and exactly so many.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (lower && text.len() == digits).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_request_joins_the_trace_of_its_caller() {
        let context = TraceContext::of(Some(EXAMPLE.as_bytes()));
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(context.parent_id, Some(0x00f0_67aa_0ba9_02b7));
        assert!(context.sampled && context.span_id != 0);
        let unsampled = TraceContext::of(Some(EXAMPLE.replace("-01", "-00").as_bytes()));
        assert!(!unsampled.sampled);
        let later = TraceContext::of(Some(format!("cc{}-more", &EXAMPLE[2..]).as_bytes()));
        assert_eq!(later.trace_id, context.trace_id);
    }

    #[test]
    fn what_is_not_valid_begins_a_trace_of_its_own() {
        for header in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            let context = TraceContext::of(Some(header.as_bytes()));
            assert_eq!(context.parent_id, None, "{header}");
            assert!(context.trace_id != 0 && context.sampled, "{header}");
        }
        assert_eq!(TraceContext::of(Some(&[0xff, 0xfe])).parent_id, None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn the_header_for_the_next_call_names_this_span_as_parent(header in proptest::option::of("[ -~]{0,60}")) {
            let here = TraceContext::of(header.as_deref().map(str::as_bytes));
            let next = TraceContext::of(Some(here.to_string().as_bytes()));
            prop_assert_eq!((next.trace_id, next.parent_id, next.sampled), (here.trace_id, Some(here.span_id), here.sampled));
        }
    }
}

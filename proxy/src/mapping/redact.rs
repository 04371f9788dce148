//! Bedrock's text without what is none of the client's business: ARNs and account ids.

/// Stands for an ARN.
const ARN: &str = "[arn]";
/// Stands for an account id.
const ACCOUNT: &str = "[account]";
/// How ARNs begin, also percent-encoded.
const ARN_PREFIXES: [&str; 2] = ["arn:", "arn%3a"];
/// How many digits an account id has.
const ACCOUNT_DIGITS: usize = 12;

/// The text without ARNs and account ids, of at most `max_chars` characters.
pub(super) fn redacted(text: &str, max_chars: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_chars));
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if begins_arn(rest) {
            out.push_str(ARN);
            rest.find(ends_arn).unwrap_or(rest.len())
        } else if first.is_ascii_digit() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest.get(..digits).unwrap_or_default();
            out.push_str(if digits == ACCOUNT_DIGITS { ACCOUNT } else { number });
            digits
        } else {
            out.push(first);
            first.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    clipped(&out, max_chars).to_owned()
}

/// At most `max_chars` characters of the text.
pub(super) fn clipped(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

fn begins_arn(text: &str) -> bool {
    ARN_PREFIXES
        .iter()
        .any(|prefix| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))
}

fn ends_arn(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | ')' | ']' | '}' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn arns_and_accounts_do_not_show() {
        let text = "User: arn:aws:sts::123456789012:assumed-role/proxy/i-0 is not authorized to perform: \
                    bedrock:InvokeModel on resource: \"arn:aws:bedrock:us-east-1::foundation-model/x\" \
                    (account 123456789012, at most 1234567890123 tokens)";
        assert_eq!(
            redacted(text, 1_000),
            "User: [arn] is not authorized to perform: bedrock:InvokeModel on resource: \"[arn]\" \
             (account [account], at most 1234567890123 tokens)"
        );
        assert_eq!(redacted("/model/arn%3Aaws%3Abedrock%3A%3A123456789012/converse", 1_000), "/model/[arn]");
        assert_eq!(redacted("äöü", 2), "äö");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Feature: aws-ec2-production-deployment, law: no account id and no ARN reaches a client.
        #[test]
        fn nothing_of_the_account_shows(before in "[^0-9]{0,20}", account in "[0-9]{12}", after in "[^0-9]{0,20}") {
            for text in [format!("{before}{account}{after}"), format!("{before}arn:aws:x::{account}:y{after}")] {
                let shown = redacted(&text, 1_000);
                prop_assert!(!shown.contains(&account), "{}", shown);
                prop_assert!(!shown.contains("arn:aws"), "{}", shown);
            }
        }
    }
}

//! What holds for every answer.

mod laws;
mod rendering;

use proptest::prelude::*;

use super::{Answers, FIELDS};

/// Texts that YAML, lists or numbers give a meaning, and any others.
pub(crate) fn wild() -> impl Strategy<Value = String> {
    let tokens = proptest::sample::select(vec![
        "a",
        "null",
        "true",
        "off",
        "~",
        "1",
        "012",
        "-3",
        "+7",
        "1e3",
        "0x1f",
        "12:30",
        " ",
        ",",
        "=",
        ":",
        ": ",
        "#",
        " #",
        "-",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "\"",
        "'",
        "\\",
        "\n",
        "\t",
        "\r",
        "|",
        ">",
        "%",
        "@",
        "`",
        "*x",
        "&x",
        "!t",
        "?",
        "\u{0}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{FEFF}",
        "\u{1F600}",
        "ü",
        "token",
        "a=b",
        "10.0.0.0/8",
        "::/0",
        "amazon.nova-pro-v1:0",
        "8011",
        "read",
        "us-east-1",
        "acme",
        "files",
        "yes",
        "rehearsal",
    ]);
    prop_oneof![
        3 => proptest::collection::vec(tokens, 0..5).prop_map(|tokens| tokens.concat()),
        1 => any::<String>(),
        1 => proptest::string::string_regex("[a-z]{120,300}=x,b=y").unwrap(),
    ]
}

/// What may be said to a question: something sensible, or anything.
pub(crate) fn answer(path: &'static str) -> BoxedStrategy<String> {
    let field = super::find(path).unwrap();
    let key = field.key().unwrap();
    let words: Vec<String> = field.words().iter().map(|word| (*word).to_owned()).collect();
    let sensible = if words.is_empty() {
        Just(key.example.trim_matches('"').to_owned()).boxed()
    } else {
        proptest::sample::select(words).boxed()
    };
    prop_oneof![3 => sensible, 2 => wild(), 1 => Just(String::new())].boxed()
}

/// Answers to some of the questions.
pub(crate) fn answers() -> impl Strategy<Value = Answers> {
    let paths: Vec<&'static str> = FIELDS.iter().map(|field| field.path).collect();
    let count = paths.len();
    proptest::sample::subsequence(paths, 0..=count).prop_flat_map(|paths| {
        let texts: Vec<BoxedStrategy<(&'static str, String)>> =
            paths.into_iter().map(|path| answer(path).prop_map(move |text| (path, text)).boxed()).collect();
        texts.prop_map(|pairs| {
            let mut answers = Answers::default();
            for (path, text) in pairs {
                answers.set(path, text);
            }
            answers
        })
    })
}

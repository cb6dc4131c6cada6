use secrecy::{ExposeSecret as _, SecretString, zeroize::Zeroizing};

use crate::credential::Proof;

const MAX_TEXT: usize = 200;

/// Plain printable text of bounded length, or nothing if it echoes the proof, in any form of form encoding.
pub(super) fn clean(text: &str, proof: &Proof) -> Option<String> {
    let line = text.split(['\r', '\n']).next().unwrap_or_default();
    let printable = line.chars().filter(|c| *c == ' ' || c.is_ascii_graphic());
    // Before the cut, which could hide a part, and after the cleaning, which could put one together.
    let printable = Zeroizing::new(printable.collect::<String>());
    // As one value: where the pairs of a form would begin and end, an answer could have its own idea of.
    let value = Zeroizing::new(printable.replace('&', "%26"));
    let pair = Zeroizing::new(format!("={}", value.as_str()));
    let decoded = || url::form_urlencoded::parse(pair.as_bytes()).map(|(_, value)| value);
    let echoed = |secret: &SecretString| {
        let secret = secret.expose_secret();
        printable.contains(secret) || decoded().any(|value| value.contains(secret))
    };
    if proof.secrets().any(echoed) {
        return None;
    }
    Some(printable.chars().take(MAX_TEXT).collect()).filter(|text: &String| !text.is_empty())
}

pub(super) fn first_sentence(text: String) -> String {
    match text.split_once(". ") {
        Some((sentence, _)) => sentence.to_owned(),
        None => text,
    }
}

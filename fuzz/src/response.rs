//! Answers as the targets write them.

use http::{HeaderName, HeaderValue, Response, StatusCode};

/// A line with the status, a line for each header, an empty line, and the body.
pub(crate) fn parse(data: &[u8]) -> Option<Response<&[u8]>> {
    let (status, mut rest) = line(data);
    let mut response = Response::new(&[][..]);
    *response.status_mut() = StatusCode::from_bytes(status).ok()?;
    loop {
        let (header, after) = line(rest);
        rest = after;
        if header.is_empty() {
            break;
        }
        let mut parts = header.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.headers_mut().append(name, value);
        }
    }
    *response.body_mut() = rest;
    Some(response)
}

/// The bytes up to the end of the first line, and those after.
fn line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (data[..end].trim_ascii_end(), &data[end + 1..]),
        None => (data, &[]),
    }
}

//! Images, documents and videos: data URLs and objects in S3. Nothing is fetched, since a server that fetches what
//! clients name can be made to fetch what only it can reach.

use std::borrow::Cow;

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::converse::{Media, Source};
use crate::ApiError;

/// Converse, API reference, `ImageBlock`: at most 20 images of 3.75 MB.
pub(super) const MAX_IMAGES: usize = 20;
const MAX_IMAGE_BYTES: usize = 3_932_160;
/// Converse, API reference, `DocumentBlock`: at most 5 documents of 4.5 MB.
pub(super) const MAX_DOCUMENTS: usize = 5;
const MAX_DOCUMENT_BYTES: usize = 4_718_592;
/// Nova user guide, "Video understanding": one video of 25 MB in the request.
pub(super) const MAX_VIDEOS: usize = 1;
const MAX_VIDEO_BYTES: usize = 26_214_400;

/// How much of the Base64 text is looked at to tell what it is.
const HEAD: usize = 64;

/// Lenient where the whole text was checked before: the head may end in the middle of something.
const HEAD_ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong, for the client; the caller knows where.
pub(super) type Refused = Cow<'static, str>;

/// An `image_url`.
pub(super) fn image(url: &str, s3: bool) -> Result<Media<'_>, Refused> {
    if is_s3(url) {
        let format = extension(url).and_then(|extension| match extension {
            "png" => Some("png"),
            "jpg" | "jpeg" => Some("jpeg"),
            "gif" => Some("gif"),
            "webp" => Some("webp"),
            _ => None,
        });
        return in_s3(url, s3, format);
    }
    let data = data_url(url)?;
    let encoded = encoded(data.base64, MAX_IMAGE_BYTES, "image")?;
    // What it is counts, not what it is called: clients often say PNG of everything.
    let format =
        image_format(&head(&encoded)).ok_or("The image is neither PNG nor JPEG nor GIF nor WebP.")?;
    Ok(Media { format, source: Source::Bytes(encoded) })
}

/// A `video_url`.
pub(super) fn video(url: &str, s3: bool) -> Result<Media<'_>, Refused> {
    if is_s3(url) {
        return in_s3(url, s3, extension(url).and_then(video_format));
    }
    let data = data_url(url)?;
    let subtype = data.mime.split_once('/').map_or("", |(_, subtype)| subtype);
    let format = match data.mime.as_ref() {
        "video/x-matroska" => Some("mkv"),
        "video/quicktime" => Some("mov"),
        "video/x-flv" => Some("flv"),
        "video/x-ms-wmv" => Some("wmv"),
        "video/3gpp" => Some("three_gp"),
        mime if mime.starts_with("video/") => video_format(subtype),
        _ => None,
    };
    let format = format.ok_or("The type of the video is not supported.")?;
    Ok(Media { format, source: Source::Bytes(encoded(data.base64, MAX_VIDEO_BYTES, "video")?) })
}

/// The data of a `file` part: its format and its bytes in Base64.
pub(super) fn document<'a>(
    data: &'a str,
    filename: Option<&str>,
    s3: bool,
) -> Result<(&'static str, Source<'a>), Refused> {
    let by_name = || filename.and_then(extension).and_then(document_format);
    let unknown =
        "The type of the file is not supported: pdf, csv, doc, docx, xls, xlsx, html, txt and md are.";
    if is_s3(data) {
        let format = extension(data).and_then(document_format).or_else(by_name);
        let Media { format, source } = in_s3(data, s3, format)?;
        return Ok((format, source));
    }
    let (format, base64) = if is_data_url(data) {
        let data = data_url(data)?;
        (document_type(&data.mime).or_else(by_name), data.base64)
    } else {
        (by_name(), data)
    };
    let format = format.ok_or(unknown)?;
    let encoded = encoded(base64, MAX_DOCUMENT_BYTES, "file")?;
    let head = head(&encoded);
    let is_what_it_says = match format {
        // Readers accept some bytes of rubbish in front.
        "pdf" => head.windows(4).any(|window| window == b"%PDF"),
        "docx" | "xlsx" => head.starts_with(b"PK"),
        "doc" | "xls" => head.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]),
        _ => true,
    };
    if !is_what_it_says {
        return Err(format!("The file is not what its type says: {format}.").into());
    }
    Ok((format, Source::Bytes(encoded)))
}

struct DataUrl<'a> {
    mime: Cow<'a, str>,
    base64: &'a str,
}

/// RFC 2397, in upper or lower case, with any parameters, such as a charset.
fn data_url(url: &str) -> Result<DataUrl<'_>, Refused> {
    if !is_data_url(url) {
        return Err("Only data URLs are supported: `data:TYPE;base64,...`. Nothing is fetched.".into());
    }
    let (head, base64) = url.split_once(',').ok_or("The data URL has no data.")?;
    let head = head.trim().get("data:".len()..).unwrap_or_default();
    let mut parts = head.split(';').map(str::trim);
    let mime = parts.next().unwrap_or_default();
    if !parts.any(|part| part.eq_ignore_ascii_case("base64")) {
        return Err("The data URL is not in Base64: `data:TYPE;base64,...`.".into());
    }
    let mime = if mime.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(mime.to_ascii_lowercase())
    } else {
        Cow::Borrowed(mime)
    };
    Ok(DataUrl { mime, base64 })
}

fn is_data_url(url: &str) -> bool {
    url.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Base64 as Bedrock takes it, after a look at every character and none at the bytes.
fn encoded<'a>(base64: &'a str, max: usize, what: &str) -> Result<Cow<'a, str>, Refused> {
    let text = if is_canonical(base64) {
        Cow::Borrowed(base64)
    } else {
        let repaired = repaired(base64);
        if !is_canonical(&repaired) {
            return Err(format!("The data of the {what} is not valid Base64.").into());
        }
        Cow::Owned(repaired)
    };
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    let bytes = text.len().div_euclid(4).saturating_mul(3).saturating_sub(padding);
    if bytes == 0 {
        return Err(format!("The {what} is empty.").into());
    }
    if bytes > max {
        return Err(format!("The {what} has {bytes} bytes; at most {max} are allowed.").into());
    }
    Ok(text)
}

/// Whether text is Base64 in the standard alphabet, with padding and nothing else.
fn is_canonical(text: &str) -> bool {
    let data = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    let in_alphabet = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    // Without early exit inside a block, the compiler checks many bytes at once.
    text.len().is_multiple_of(4)
        && data
            .as_bytes()
            .chunks(4096)
            .all(|chunk| chunk.iter().fold(true, |valid, byte| valid & in_alphabet(*byte)))
}

/// The same data without white space, from the URL alphabet too, padded.
fn repaired(text: &str) -> String {
    let mut repaired: String = text
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    repaired.truncate(repaired.trim_end_matches('=').len());
    while !repaired.len().is_multiple_of(4) {
        repaired.push('=');
    }
    repaired
}

fn head(encoded: &str) -> Vec<u8> {
    let head = encoded.get(..HEAD.min(encoded.len())).unwrap_or_default();
    HEAD_ENGINE.decode(head).unwrap_or_default()
}

fn image_format(head: &[u8]) -> Option<&'static str> {
    let is_webp = head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP");
    match head {
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("gif"),
        _ if is_webp => Some("webp"),
        _ => None,
    }
}

fn video_format(name: &str) -> Option<&'static str> {
    Some(match name {
        "mkv" => "mkv",
        "mov" => "mov",
        "mp4" => "mp4",
        "webm" => "webm",
        "flv" => "flv",
        "mpeg" => "mpeg",
        "mpg" => "mpg",
        "wmv" => "wmv",
        "3gp" => "three_gp",
        _ => return None,
    })
}

fn document_format(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "pdf" => "pdf",
        "csv" => "csv",
        "doc" => "doc",
        "docx" => "docx",
        "xls" => "xls",
        "xlsx" => "xlsx",
        "html" | "htm" => "html",
        "txt" => "txt",
        "md" => "md",
        _ => return None,
    })
}

fn document_type(mime: &str) -> Option<&'static str> {
    Some(match mime {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/plain" => "txt",
        "text/markdown" => "md",
        _ => return None,
    })
}

fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, extension)| extension)
}

fn is_s3(url: &str) -> bool {
    url.starts_with("s3://")
}

fn in_s3<'a>(url: &'a str, supported: bool, format: Option<&'static str>) -> Result<Media<'a>, Refused> {
    if !supported {
        return Err("This model does not read objects in S3.".into());
    }
    if !is_s3_uri(url) {
        return Err("This is not the URI of an object in S3: `s3://BUCKET/KEY`.".into());
    }
    let format = format.ok_or("The name of the object does not end with a supported type.")?;
    Ok(Media { format, source: Source::S3Location { uri: url } })
}

/// API reference, `S3Location`: `s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?`, at most 1024.
fn is_s3_uri(url: &str) -> bool {
    let bucket = url.strip_prefix("s3://").map(|rest| rest.split('/').next().unwrap_or_default());
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    url.len() <= 1024
        && !url.contains(['\n', '\r'])
        && bucket.is_some_and(|bucket| {
            (3..=63).contains(&bucket.len())
                && is_end(bucket.chars().next())
                && is_end(bucket.chars().next_back())
                && bucket
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        })
}

/// A refusal of an image, in the words that OpenAI's clients know.
pub(super) fn invalid_image(param: String, refused: Refused) -> ApiError {
    ApiError::invalid(param, refused).code("invalid_image_url")
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD as ENGINE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n????";

    fn bytes(media: &Media<'_>) -> Vec<u8> {
        let Source::Bytes(text) = &media.source else { panic!("{media:?}") };
        ENGINE.decode(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_image_is_what_its_bytes_say() {
        for (head, format) in [
            (PNG, "png"),
            (b"\xff\xd8\xff\xe0", "jpeg"),
            (b"GIF89a", "gif"),
            (b"RIFF\x01\x02\x03\x04WEBPVP8 ", "webp"),
        ] {
            let url = format!("data:image/png;base64,{}", ENGINE.encode(head));
            assert_eq!(image(&url, false).unwrap().format, format);
        }
    }

    #[test]
    fn data_urls_are_read_as_clients_write_them() {
        let url_alphabet = URL_SAFE_NO_PAD.encode([PNG, b"\xfb\xff\xfe"].concat());
        for url in [
            format!("data:image/png;base64,{}", ENGINE.encode(PNG)),
            format!(" DATA:IMAGE/PNG ; charset=utf-8 ; BASE64 ,{}", ENGINE.encode(PNG)),
            format!("data:image/png;base64, {}\n", ENGINE.encode(PNG)),
            format!("data:image/png;base64,{}", ENGINE.encode(PNG).trim_end_matches('=')),
            format!("data:image/png;base64,{url_alphabet}"),
            format!("data:;base64,{}", ENGINE.encode(PNG)),
        ] {
            assert!(bytes(&image(&url, false).unwrap()).starts_with(PNG), "{url}");
        }
    }

    #[test]
    fn nothing_else_is_an_image() {
        for url in [
            "",
            "https://example.com/a.png",
            "http://169.254.169.254/latest/meta-data/",
            "file:///etc/passwd",
            "data:",
            "data:image/png;base64,",
            "data:image/png,iVBORw0KGgo=",
            "data:image/png;base64,iVBORw0KGgo",
            "data:image/png;base64,iVBO=w0KGgo=",
            "data:image/png;base64,aGVsbG8=",
            "data:image/png;base64,iVBORw0KGgoé",
        ] {
            let refused = image(url, true);
            // Without padding it is still whole; all others are not.
            assert_eq!(refused.is_ok(), url.ends_with("KGgo"), "{url}");
        }
    }

    #[test]
    fn size_is_counted_in_bytes_not_in_characters() {
        let mut data = PNG.to_vec();
        data.resize(MAX_IMAGE_BYTES, 0);
        let url = |data: &[u8]| format!("data:image/png;base64,{}", ENGINE.encode(data));
        assert!(image(&url(&data), false).is_ok());
        data.push(0);
        assert!(image(&url(&data), false).unwrap_err().contains("3932161 bytes"));
    }

    #[test]
    fn objects_in_s3_keep_to_their_grammar() {
        assert!(image("s3://amzn-s3-demo-bucket/a/b.png", true).is_ok());
        assert!(image("s3://amzn-s3-demo-bucket/a/b.png", false).is_err());
        for bad in [
            "s3://a/b.png",
            "s3://Bucket/b.png",
            "s3:///b.png",
            "s3://amzn-s3-demo-bucket/b",
            "s3://b-/a.png",
        ] {
            assert!(image(bad, true).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_document_is_known_by_type_or_by_name() {
        let text = ENGINE.encode("a,b");
        let by_type = format!("data:text/csv;charset=utf-8;base64,{text}");
        assert_eq!(document(&by_type, None, false).unwrap().0, "csv");
        assert_eq!(document(&text, Some("a.MD.md"), false).unwrap().0, "md");
        assert!(document(&text, Some("a.exe"), false).is_err());
        assert!(document(&text, None, false).is_err());
        assert!(document(&format!("data:application/pdf;base64,{text}"), None, false).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_data_passes_unchanged_and_any_text_is_read_or_refused(
            data in proptest::collection::vec(any::<u8>(), 0..100),
            text in "\\PC{0,60}",
        ) {
            let data = [PNG, &data].concat();
            let url = format!("data:image/png;base64,{}", ENGINE.encode(&data));
            prop_assert_eq!(bytes(&image(&url, false).unwrap()), data);
            let url = format!("data:image/png;base64,{text}");
            if let Ok(media) = image(&url, false) {
                prop_assert!(!bytes(&media).is_empty());
            }
            let _ = (image(&text, true), video(&text, true), document(&text, Some(&text), true));
        }
    }
}

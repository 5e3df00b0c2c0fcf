use std::io::Read as _;

use super::*;
use crate::api::piecewise;

fn check(accepted: &[&str], is_asked: bool) {
    let mut headers = HeaderMap::new();
    for value in accepted {
        headers.append(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
    }
    assert_eq!(is_asked_for(&headers), is_asked, "{accepted:?}");
}

#[test]
fn gzip_is_asked_for_by_name_or_with_all() {
    check(&[], false);
    check(&["gzip"], true);
    check(&["deflate, GZIP;q=0.5"], true);
    check(&["deflate", "gzip"], true);
    check(&["deflate, br"], false);
    check(&["*"], true);
    check(&["*;q=0"], false);
}

#[test]
fn a_weight_of_nothing_refuses_it() {
    check(&["gzip;q=0"], false);
    check(&["gzip; q=0.0, *"], false);
    check(&["gzip;q=x"], false);
    check(&["*;q=0, gzip"], true);
}

/// What comes of a body.
async fn compressed(body: Body) -> (Option<HeaderValue>, Vec<u8>) {
    let response = compress(Response::new(body)).await;
    let coding = response.headers().get(header::CONTENT_ENCODING).cloned();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (coding, bytes.to_vec())
}

#[tokio::test]
async fn small_and_large_answers_come_back_as_they_were() {
    for length in [1, 100, PACKED_AT_ONCE_BYTES_MAX, 1_000_000] {
        let plain: Vec<u8> = (0..=250).cycle().take(length).collect();
        let (coding, packed) = compressed(Body::from(plain.clone())).await;
        assert_eq!(coding.unwrap(), "gzip");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, plain);
    }
}

#[tokio::test]
async fn answers_in_pieces_are_compressed_piece_by_piece() {
    let texts: Vec<String> = (0..5000).map(|number: u32| number.to_string().repeat(20)).collect();
    let plain = serde_json::to_vec(&texts).unwrap();
    let body = piecewise::list(false, texts, |pretty, text| piecewise::single(pretty, text));
    let mut response = Response::new(body);
    response.extensions_mut().insert(Piecewise);
    let response = compress(response).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let packed = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
}

#[tokio::test]
async fn streams_and_nothing_stay_as_they_are() {
    let pieces = stream::iter([Ok::<_, std::io::Error>("piece")]);
    assert_eq!(compressed(Body::from_stream(pieces)).await, (None, b"piece".to_vec()));
    assert_eq!(compressed(Body::empty()).await, (None, Vec::new()));
}

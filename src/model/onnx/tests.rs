//! Files made by hand, byte by byte.

#[path = "../../../tests/support/onnx.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod by_hand;

use self::by_hand::{field, file, head, number, port};
use super::*;

/// Two numbers as weights.
fn weights(name: &str, raw: &[u8]) -> Vec<u8> {
    by_hand::tensor(name, 1, &[2], raw)
}

fn relu() -> Vec<u8> {
    by_hand::node("Relu", &["in"], &["out"], &[])
}

fn graph() -> Vec<u8> {
    [
        field(1, &relu()),
        field(5, &weights("w", &[0; 8])),
        field(11, &port("in", 1, &[1, 3, 8, 16])),
        field(11, &port("w", 1, &[2])),
        field(12, &port("out", 1, &[1, 3, 0, 16])),
    ]
    .concat()
}

#[test]
fn a_small_file_is_read() {
    let survey = survey(&file(&graph())).unwrap();
    assert_eq!((survey.nodes, survey.parameters, survey.producer.as_str()), (1, 2, "hand"));
    let [input] = survey.inputs.as_slice() else { panic!("{survey:?}") };
    assert_eq!((input.name.as_str(), input.kind), ("in", Kind::Float));
    assert_eq!(input.shape, [Some(1), Some(3), Some(8), Some(16)]);
    assert_eq!(survey.outputs[0].shape, [Some(1), Some(3), None, Some(16)]);
}

#[test]
fn every_part_of_a_file_is_refused() {
    let whole = file(&graph());
    let network = whole.len() - field(8, &[field(1, b""), number(2, 13)].concat()).len(); // what follows is not missed
    for length in 0..network {
        assert!(survey(&whole[..length]).is_err(), "{length} of {network} bytes");
    }
    assert!(survey(&whole[..network]).is_ok());
}

#[test]
fn weights_are_all_there_and_in_the_file() {
    let with = |tensor: &[u8]| survey(&file(&[graph(), field(5, tensor)].concat()));
    let short = with(&weights("v", &[0; 7])).unwrap_err();
    assert_eq!(short, OnnxError::Weights { name: "v".into(), wanted: 8, found: 7 });
    let huge = [field(1, &[0xff, 0xff, 0xff, 0xff, 0x7f]).repeat(4), number(2, 1), field(9, &[0; 8])].concat();
    assert!(matches!(with(&huge), Err(OnnxError::Weights { wanted: u64::MAX, .. })));
    let none = [field(1, &[0xff, 0x7f]), number(2, 1)].concat();
    assert!(matches!(with(&none), Err(OnnxError::Weights { .. })));
    let location = [number(1, 2), number(2, 1), field(13, &field(1, b"location"))].concat();
    assert_eq!(with(&location), Err(OnnxError::External));
    assert_eq!(with(&[weights("v", &[0; 8]), number(14, 1)].concat()), Err(OnnxError::External));
}

/// Also if they are a hundred thousand networks deep.
#[test]
fn networks_in_networks_end() {
    let inside = |graph: &[u8]| field(1, &[relu(), field(5, &field(6, graph))].concat());
    let mut nested = field(1, &relu());
    for depth in 1..=MAX_DEPTH + 1 {
        nested = inside(&nested);
        let result = survey(&file(&[graph(), nested.clone()].concat()));
        assert_eq!(result.is_ok(), depth <= MAX_DEPTH, "{depth}: {result:?}");
    }
    // Lengths of everything inside are in front, so this is made from its end.
    let mut deep: Vec<u8> = Vec::new();
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<_>>();
    let mut length = 0;
    for _ in 0..30_000 {
        for tag in [6, 5, 1] {
            let head = head(tag, length);
            length += head.len();
            deep.extend(reversed(&head));
        }
    }
    deep.reverse();
    assert!(matches!(survey(&file(&deep)), Err(OnnxError::TooMany { .. })));
}

#[test]
fn a_network_takes_one_picture() {
    let two = [graph(), field(11, &port("other", 1, &[1]))].concat();
    assert_eq!(survey(&file(&two)), Err(OnnxError::Inputs(2)));
    assert_eq!(survey(&file(&field(1, &relu()))), Err(OnnxError::Inputs(0)));
    assert_eq!(survey(&file(b"")), Err(OnnxError::Empty));
    assert_eq!(survey(b""), Err(OnnxError::Empty));
    assert!(matches!(survey(b"GIF89a, and no network"), Err(OnnxError::Damaged(_))));
    let many = field(1, &relu()).repeat(MAX_NODES + 1);
    assert!(matches!(survey(&file(&many)), Err(OnnxError::TooMany { what: "operators", .. })));
}

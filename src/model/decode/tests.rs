//! Each decoder against outputs that were calculated by hand, and against what no network should write.

use proptest::{collection::vec, prelude::*};

use super::*;

static HALF: Thresholds = Thresholds { default: 0.5, by_class: Vec::new() };

fn tensor(name: &str, shape: &[usize], values: Vec<f32>) -> Tensor {
    Tensor::new(name, shape, values).unwrap()
}

fn square(side: u32) -> Size {
    Size { width_px: side, height_px: side }
}

fn decode(decoder: Decoder, tensors: &[Tensor], side: u32) -> Vec<Candidate> {
    let outputs = Outputs { tensors, input: square(side), classes: None };
    assert!(decoder.classes(outputs).is_some(), "{decoder:?}");
    decoder.decode(outputs, &HALF).unwrap()
}

/// One thing, with a tolerance of a thousandth of a pixel.
fn assert_one(found: &[Candidate], class: usize, score: f32, bounds: [f32; 4]) {
    let [one] = found else { panic!("{found:?}") };
    assert_eq!(one.class, class);
    assert!((one.score - score).abs() < 1e-4, "{one:?} for {score}");
    let is_near = |(found, expected): (&f32, f32)| (found - expected).abs() < 1e-3;
    assert!(one.bounds.iter().zip(bounds).all(is_near), "{one:?} for {bounds:?}");
}

#[test]
fn fastestdet() {
    // A map of 2 x 2 cells and 2 classes; all is nothing but the lower left.
    let mut values = vec![0.0; 7 * 4];
    let mut set = |channel: usize, value: f32| values[channel * 4 + 2] = value;
    set(0, 0.9); // objectness
    set(1, 0.5); // tanh: 0.46212
    set(3, -1.0); // sigmoid: 0.26894
    set(6, 0.8); // the second class
    let found = decode(Decoder::FastestDet, &[tensor("out", &[1, 7, 2, 2], values)], 32);
    // x = 0.46212 / 2 * 32 = 7.39388, y = 1 / 2 * 32 = 16; 8.60614 wide, 16 high. The score is 0.9^0.6 * 0.8^0.4.
    assert_one(&found, 1, 0.858_57, [3.09081, 8.0, 11.69695, 24.0]);
}

/// Row 17 of an input of 32 pixels: 16 cells of stride 8, then 4 of stride 16; it is the right one in the upper row of these.
fn cells_of_32(width: usize) -> Vec<f32> {
    vec![0.0; 21 * width]
}

#[test]
fn yolox() {
    let mut values = cells_of_32(7);
    values[17 * 7..18 * 7].copy_from_slice(&[0.25, 0.5, 2.0_f32.ln(), 0.0, 0.9, 0.1, 0.8]);
    let found = decode(Decoder::Yolox, &[tensor("out", &[1, 21, 7], values)], 32);
    // x = (1 + 0.25) * 16 = 20, y = 0.5 * 16 = 8, 32 wide, 16 high
    assert_one(&found, 1, 0.72, [4.0, 0.0, 36.0, 16.0]);
}

#[test]
fn yolov8() {
    let mut values = vec![0.0; 6 * 20];
    for (channel, value) in [100.0, 50.0, 20.0, 10.0, 0.1, 0.7].into_iter().enumerate() {
        values[channel * 20 + 19] = value;
    }
    let found = decode(Decoder::YoloV8, &[tensor("out", &[1, 6, 20], values)], 320);
    assert_one(&found, 1, 0.7, [90.0, 45.0, 110.0, 55.0]);
}

#[test]
fn nanodet() {
    let row = |likely: [usize; 4]| {
        let mut row = vec![0.0; 2 + 32];
        row[0] = 0.6;
        for (edge, bin) in likely.into_iter().enumerate() {
            row[2 + 8 * edge + bin] = 100.0; // as good as certain
        }
        row
    };
    let mut values = cells_of_32(34);
    values[17 * 34..18 * 34].copy_from_slice(&row([1, 0, 2, 3]));
    let found = decode(Decoder::NanoDet, &[tensor("out", &[1, 21, 34], values.clone())], 32);
    // NanoDet: from the middle of the cell at 24, 8, strides of 16
    assert_one(&found, 0, 0.6, [8.0, 8.0, 56.0, 56.0]);
    // NanoDet-Plus: one cell of stride 64 more, and from the corner of the cell at 16, 0
    values.extend(vec![0.0; 34]);
    let found = decode(Decoder::NanoDet, &[tensor("out", &[1, 22, 34], values)], 32);
    assert_one(&found, 0, 0.6, [0.0, 0.0, 48.0, 48.0]);
    // Two bins as likely: half way between
    let mut values = cells_of_32(34);
    values[17 * 34..18 * 34].copy_from_slice(&row([0, 0, 0, 0]));
    values[17 * 34 + 2 + 1] = 100.0;
    values[17 * 34 + 2 + 16 + 1] = 100.0;
    values[17 * 34 + 2 + 24 + 2] = 100.0;
    let found = decode(Decoder::NanoDet, &[tensor("out", &[1, 21, 34], values)], 32);
    assert_one(&found, 0, 0.6, [16.0, 8.0, 32.0, 24.0]);
}

/// As in files of before NanoDet-Plus: first the classes of all strides, then the distances.
#[test]
fn nanodet_with_two_outputs_for_each_stride() {
    let outputs = |counts: &[usize]| {
        let of_width =
            |width| counts.iter().map(move |count| tensor("out", &[*count, width], vec![0.0; count * width]));
        of_width(2).chain(of_width(32)).collect::<Vec<_>>()
    };
    let mut tensors = outputs(&[16, 4, 1]);
    let mut scores = vec![0.0; 4 * 2];
    scores[2] = 0.6; // the right one in the upper row of four cells
    let mut distances = vec![0.0; 4 * 32];
    for (edge, bin) in [1, 0, 2, 3].into_iter().enumerate() {
        distances[32 + 8 * edge + bin] = 100.0;
    }
    tensors[1] = tensor("scores", &[1, 4, 2], scores);
    tensors[4] = tensor("distances", &[1, 4, 32], distances);
    assert_one(&decode(Decoder::NanoDet, &tensors, 32), 0, 0.6, [8.0, 8.0, 56.0, 56.0]);
    tensors.swap(1, 4);
    assert_one(&decode(Decoder::NanoDet, &tensors, 32), 0, 0.6, [8.0, 8.0, 56.0, 56.0]);
    let plus = outputs(&[16, 4, 1, 1]);
    let classes = |tensors| Decoder::NanoDet.classes(Outputs { tensors, input: square(32), classes: None });
    // Strides 32 and 64 have a cell each here, and so the first of both takes the scores of the other for its distances.
    assert_eq!([classes(&plus), classes(&tensors[..5]), classes(&outputs(&[16, 4, 2]))], [None; 3]);
    assert_eq!(
        Decoder::NanoDet.classes(Outputs { tensors: &outputs(&[64, 16, 4, 1]), input: square(64), classes: None }),
        Some(2)
    );
}

#[test]
fn ssd_in_three_forms() {
    let boxes = vec![0.0, 0.0, 0.1, 0.1, 0.25, 0.5, 0.75, 1.0];
    let scores = tensor("scores", &[1, 2, 3], vec![0.9, 0.05, 0.05, 0.1, 0.2, 0.7]);
    let found = decode(Decoder::Ssd, &[scores, tensor("boxes", &[1, 2, 4], boxes.clone())], 100);
    assert_one(&found, 2, 0.7, [25.0, 50.0, 75.0, 100.0]);

    let lists = |boxes_name: &str, others: [&str; 2]| {
        [
            tensor(boxes_name, &[1, 2, 4], boxes.clone()),
            tensor(others[0], &[1, 2], vec![1.0, 17.0]),
            tensor(others[1], &[1, 2], vec![0.1, 0.8]),
            tensor("num_detections", &[1], vec![2.0]),
        ]
    };
    let upper_first = lists("detection_boxes:0", ["detection_classes:0", "detection_scores:0"]);
    assert_one(&decode(Decoder::Ssd, &upper_first, 100), 17, 0.8, [50.0, 25.0, 100.0, 75.0]);
    let left_first = lists("bboxes", ["labels", "scores"]);
    assert_one(&decode(Decoder::Ssd, &left_first, 100), 17, 0.8, [25.0, 50.0, 75.0, 100.0]);

    let rows = vec![0.0, 15.0, 0.9, 0.1, 0.2, 0.3, 0.4, -1.0, -1.0, 0.9, 0.1, 0.2, 0.3, 0.4];
    let found = decode(Decoder::Ssd, &[tensor("out", &[1, 1, 2, 7], rows)], 100);
    assert_one(&found, 15, 0.9, [10.0, 20.0, 30.0, 40.0]);
}

#[test]
fn classes() {
    let likelihoods = tensor("out", &[1, 3], vec![0.1, 0.7, 0.2]);
    assert_one(&decode(Decoder::Classes, &[likelihoods], 224), 1, 0.7, [0.0, 0.0, 224.0, 224.0]);
    // e^2 / (e^2 + e + 1) = 0.66524
    let logits = tensor("out", &[1, 3, 1, 1], vec![0.0, 1.0, 2.0]);
    assert_one(&decode(Decoder::Classes, &[logits], 224), 2, 0.665_24, [0.0, 0.0, 224.0, 224.0]);
}

/// The outputs of YuNet for an input of 32 pixels, with one face in the last cell of stride 8.
fn yunet_outputs() -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for (stride, cells) in [(8, 16), (16, 4), (32, 1)] {
        for (kind, width) in [("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)] {
            tensors.push(tensor(&format!("{kind}_{stride}"), &[1, cells, width], vec![0.0; cells * width]));
        }
    }
    let last = |values: Vec<f32>, width: usize| [vec![0.0; 15 * width], values].concat();
    tensors[0] = tensor("cls_8", &[1, 16, 1], last(vec![0.9], 1));
    tensors[1] = tensor("obj_8", &[1, 16, 1], last(vec![1.6], 1)); // more than certain counts as certain
    tensors[2] = tensor("bbox_8", &[1, 16, 4], last(vec![0.5, -0.5, 0.0, 2.0_f32.ln()], 4));
    tensors
}

#[test]
fn yunet() {
    // x = (3 + 0.5) * 8 = 28, y = (3 - 0.5) * 8 = 20, 8 wide, 16 high; the score is the root of 0.9
    assert_one(&decode(Decoder::YuNet, &yunet_outputs(), 32), 0, 0.948_68, [24.0, 12.0, 32.0, 28.0]);
}

#[test]
fn the_decoder_of_published_networks_is_guessed() {
    let guess = |shape: &[usize], side: u32| {
        let tensors = [tensor("out", shape, vec![0.0; shape.iter().product()])];
        Decoder::guess(Outputs { tensors: &tensors, input: square(side), classes: None })
    };
    assert_eq!(guess(&[1, 85, 22, 22], 352), Some((Decoder::FastestDet, 80)));
    assert_eq!(guess(&[1, 3549, 85], 416), Some((Decoder::Yolox, 80)));
    assert_eq!(guess(&[1, 84, 8400], 640), Some((Decoder::YoloV8, 80)));
    assert_eq!(guess(&[1, 2125, 112], 320), Some((Decoder::NanoDet, 80)));
    assert_eq!(guess(&[1, 2100, 112], 320), Some((Decoder::NanoDet, 80)));
    assert_eq!(guess(&[1, 1, 100, 7], 300), Some((Decoder::Ssd, 1)));
    assert_eq!(guess(&[1, 1000], 224), Some((Decoder::Classes, 1000)));
    assert_eq!(guess(&[1, 3, 352, 352], 352), None);
    let tensors = yunet_outputs();
    let outputs = Outputs { tensors: &tensors, input: square(32), classes: None };
    assert_eq!(Decoder::guess(outputs), Some((Decoder::YuNet, 1)));
}

#[test]
fn outputs_of_another_network_are_told_with_what_would_fit() {
    let tensors = [tensor("out", &[1, 85, 22, 22], vec![0.0; 85 * 22 * 22])];
    let known = |classes| Outputs { tensors: &tensors, input: square(352), classes };
    let error = Decoder::Yolox.decode(known(None), &HALF).unwrap_err().to_string();
    assert_eq!(
        error,
        "the outputs (out 1x85x22x22) are not those of yolox: it has one output of 1 x cells x (5 + classes), with the cells of \
         strides 8, 16 and 32"
    );
    assert!(Decoder::FastestDet.decode(known(Some(80)), &HALF).is_ok());
    assert!(Decoder::FastestDet.decode(known(Some(20)), &HALF).is_err(), "there are as many labels as classes");
}

/// Shapes that are nearly right more often than not.
fn any_tensor() -> impl Strategy<Value = Tensor> {
    let side = prop_oneof![Just(0_usize), Just(1), Just(4), Just(7), Just(21), Just(22), Just(34), 0..40_usize];
    let name =
        prop::sample::select(vec!["out", "cls_8", "bbox_8", "obj_8", "boxes", "scores", "labels", "detection_boxes"]);
    let shape = vec(side, 0..5).prop_filter("few values", |shape| shape.iter().product::<usize>() < 40_000);
    (name, shape, vec(any_value(), 1..20)).prop_map(|(name, shape, some)| {
        let count = shape.iter().product();
        tensor(name, &shape, some.iter().copied().cycle().take(count).collect())
    })
}

fn any_value() -> impl Strategy<Value = f32> {
    let odd = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0, 1e-40, 1.0, 17.0];
    prop_oneof![any::<f32>(), -2.0..2.0_f32, prop::sample::select(odd)]
}

/// What must hold of whatever is found.
pub(in crate::model) fn assert_sound(found: &[Candidate]) {
    assert!(found.len() <= crate::model::candidate::MAX_CANDIDATES);
    for pair in found.windows(2) {
        assert!(pair[0].score >= pair[1].score);
    }
    for Candidate { score, bounds, .. } in found {
        assert!(*score > 0.0 && *score <= 1.0 && bounds.iter().all(|edge| edge.is_finite()), "{found:?}");
        assert!(bounds[0] < bounds[2] && bounds[1] < bounds[3], "{found:?}");
    }
}

proptest! {
    #[test]
    fn any_outputs_are_read_or_refused(
        tensors in vec(any_tensor(), 0..5), side in 0..70_u32, classes in prop_oneof![Just(None), (0..90_usize).prop_map(Some)],
    ) {
        let outputs = Outputs { tensors: &tensors, input: square(side), classes };
        let low = Thresholds { default: 0.0, by_class: Vec::new() };
        for (_, decoder) in Decoder::NAMES {
            let decoded = decoder.decode(outputs, &low);
            prop_assert_eq!(decoded.is_ok(), decoder.classes(outputs).is_some(), "{:?}", decoder);
            if let Ok(found) = decoded {
                assert_sound(&found);
            }
        }
    }
}

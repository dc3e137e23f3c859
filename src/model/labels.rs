//! What classes are called.

/// The classes of the data set COCO in their order, which most published detectors have.
pub const COCO: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

/// What the classes are called, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// Nobody said: those of COCO if there are 80, otherwise numbers.
    #[default]
    Unknown,
    /// Those of COCO.
    Coco,
    /// These.
    Listed(Vec<String>),
}

impl Labels {
    /// How many there are, if that is known.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Unknown => None,
            Self::Coco => Some(COCO.len()),
            Self::Listed(labels) => Some(labels.len()),
        }
    }

    /// What a class is called, of so many.
    #[must_use]
    pub fn of(&self, class: usize, classes: usize) -> String {
        let coco = || COCO.get(class).map(|label| (*label).to_owned());
        let label = match self {
            Self::Unknown if classes == COCO.len() => coco(),
            Self::Unknown => None,
            Self::Coco => coco(),
            Self::Listed(labels) => labels.get(class).cloned(),
        };
        label.unwrap_or_else(|| format!("class {class}"))
    }

    /// The number of the class that is called so.
    #[must_use]
    pub fn class(&self, label: &str) -> Option<usize> {
        match self {
            Self::Unknown | Self::Coco => COCO.iter().position(|known| *known == label),
            Self::Listed(labels) => labels.iter().position(|known| known == label),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names_or_numbers() {
        assert_eq!(Labels::Unknown.of(2, 80), "car");
        assert_eq!(Labels::Unknown.of(2, 20), "class 2");
        let listed = Labels::Listed(vec!["mask".into(), "face".into()]);
        assert_eq!([listed.of(1, 2), listed.of(2, 2)], ["face", "class 2"]);
        assert_eq!(
            (listed.class("face"), listed.class("person"), Labels::Coco.class("dog")),
            (Some(1), None, Some(16))
        );
    }
}

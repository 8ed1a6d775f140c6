//! Words that nobody can measure.

/// The first word of a criterion that no judge could answer with yes or no.
pub(crate) fn vague(criterion: &str) -> Option<&'static str> {
    let plain = criterion.to_lowercase();
    let words: Vec<&str> = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    VAGUE.iter().copied().find(|phrase| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    })
}

const VAGUE: &[&str] = &[
    "appropriate",
    "appropriately",
    "adequate",
    "adequately",
    "reasonable",
    "reasonably",
    "good",
    "better",
    "best",
    "high quality",
    "helpful",
    "useful",
    "properly",
    "nicely",
    "satisfied",
    "satisfactory",
    "user friendly",
    "efficient",
    "efficiently",
    "quickly",
    "fast",
    "soon",
    "timely",
    "as needed",
    "as required",
    "if possible",
    "as possible",
    "where possible",
    "etc",
    "and so on",
    "try to",
    "robust",
    "seamless",
    "relevant",
    "sensible",
    "successful",
    "successfully",
    "well",
];

//! The codes of the checks in plain words, in the three languages of the exchange.
//!
//! One file for each language, one line for each code: `code | title | what it means and what to do`. A new code
//! gets its line in each of them; a test looks for it.

/// A language of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Russian.
    Russian,
    /// Kazakh.
    Kazakh,
    /// English.
    English,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Russian, Self::Kazakh, Self::English];

    /// The code of ISO 639-1.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::Kazakh => "kk",
            Self::English => "en",
        }
    }

    /// Reads the code of ISO 639-1.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.as_str() == text)
    }

    const fn table(self) -> &'static str {
        match self {
            Self::Russian => include_str!("words/ru.txt"),
            Self::Kazakh => include_str!("words/kk.txt"),
            Self::English => include_str!("words/en.txt"),
        }
    }
}

/// A code in plain words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// A few words, without a full stop.
    pub title: &'static str,
    /// What it means and what to do.
    pub explanation: &'static str,
}

impl Words {
    /// The words for a code of [`super::codes`]; none for any other text.
    pub fn of(code: &str, language: Language) -> Option<Self> {
        language.table().lines().filter_map(line).find(|(own, _)| *own == code).map(|(_, words)| words)
    }
}

fn line(text: &'static str) -> Option<(&'static str, Words)> {
    let (code, rest) = text.split_once(" | ")?;
    let (title, explanation) = rest.split_once(" | ")?;
    Some((code, Words { title, explanation }))
}

#[cfg(test)]
mod tests {
    use super::super::codes;
    use super::*;

    #[test]
    fn every_code_has_its_words_in_each_language_and_no_language_has_others() {
        for language in Language::ALL {
            let lines: Vec<_> = language.table().lines().map(|text| line(text).expect(text)).collect();
            for code in codes::ALL {
                let found = lines.iter().filter(|(own, _)| own == code).count();
                assert_eq!(found, 1, "{code} in words/{}.txt", language.as_str());
            }
            for (code, words) in &lines {
                assert!(codes::ALL.contains(code), "{code} is no code");
                assert!(!words.title.is_empty() && !words.title.ends_with('.'), "{code}");
                assert!(words.explanation.ends_with('.') && words.explanation.len() > words.title.len(), "{code}");
            }
        }
    }

    /// 9.17: generated words state facts and pass no judgement on a party.
    #[test]
    fn no_words_judge_a_party() {
        for language in Language::ALL {
            let table = language.table().to_lowercase();
            for word in ["виновен", "недействител", "нарушил", "мошен", "guilty", "fraud", "кінәлі", "алаяқ"]
            {
                assert!(!table.contains(word), "{word} in {}", language.as_str());
            }
        }
    }
}

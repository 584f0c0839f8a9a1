//! A list of words, and where they stand in a text, however they are dressed up.
//!
//! Both are folded alike: compatibility forms and accents go, letters that look alike are one (UTS 39), digits and
//! signs stand for the letters that they are used for, invisible characters are nothing. A word of the list counts
//! as a whole word, so that what merely contains it is left alone; `word*` counts as a beginning, `*word*` anywhere.
//! Letters that are drawn out, spaced out or dotted are put together first.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::OnceLock;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The words that come with the server, one a line.
static BUILT_IN: &str = include_str!("words.txt");
/// Largest file of more.
const FILE_LEN_MAX: u64 = 1024 * 1024;
/// Longest word of a list, folded: bounds what is tried for each word of a text.
const WORD_CHARS_MAX: usize = 32;
/// Letters of one spaced-out word.
const SPACED_MAX: usize = 32;

type List = HashSet<Box<[char]>>;

/// A list of words, folded.
#[derive(Debug, Default)]
pub(super) struct Words {
    whole: List,
    beginnings: List,
    anywhere: List,
}

/// A character of a text that says something: where it stands, and what it is folded to.
#[derive(Debug, Clone)]
struct Letter {
    at: usize,
    folded: &'static str,
    /// A sign that may stand for a letter, but may be punctuation as well.
    is_sign: bool,
}

impl Words {
    /// The built-in list, a file, or both.
    pub(super) fn open(built_in: bool, file: &str) -> Result<Words, String> {
        let mut words = Words::default();
        if built_in {
            words.add(BUILT_IN)?;
        }
        if !file.is_empty() {
            let read = || {
                if std::fs::metadata(file)?.len() > FILE_LEN_MAX {
                    return Err(std::io::Error::other("the file is larger than 1 MiB"));
                }
                std::fs::read_to_string(file)
            };
            let text = read()
                .map_err(|error| format!("cannot read `multiplayer.chat.words_file` {file}: {error}"))?;
            words.add(&text).map_err(|why| format!("`multiplayer.chat.words_file` {file}: {why}"))?;
        }
        Ok(words)
    }

    fn add(&mut self, list: &str) -> Result<(), String> {
        for (number, line) in list.lines().enumerate() {
            let word = line.split('#').next().unwrap_or_default().trim();
            if word.is_empty() {
                continue;
            }
            let (is_open, word) = match word.strip_suffix('*') {
                Some(word) => (true, word),
                None => (false, word),
            };
            let (is_anywhere, word) = match word.strip_prefix('*').filter(|_| is_open) {
                Some(word) => (true, word),
                None => (false, word),
            };
            let folded = fold(word);
            let chars = folded.chars().count();
            if !(2..=WORD_CHARS_MAX).contains(&chars) || !word.chars().all(|c| letter(c).is_some()) {
                return Err(format!(
                    "line {} is no word of 2 to {WORD_CHARS_MAX} letters, `word*` or `*word*`",
                    number + 1
                ));
            }
            let list = match (is_anywhere, is_open) {
                (true, _) => &mut self.anywhere,
                (false, true) => &mut self.beginnings,
                (false, false) => &mut self.whole,
            };
            list.insert(folded.chars().collect());
        }
        Ok(())
    }

    /// Whether a word of the list stands in a text.
    pub(super) fn are_in(&self, text: &str) -> bool {
        let chars: Vec<char> = text.chars().collect();
        !self.find(&chars).is_empty()
    }

    /// The text with asterisks in the place of words of the list; `None` when there are none.
    pub(super) fn mask(&self, text: &str) -> Option<String> {
        let mut chars: Vec<char> = text.chars().collect();
        let found = self.find(&chars);
        for range in &found {
            chars[range.clone()].iter_mut().filter(|c| !c.is_whitespace()).for_each(|c| *c = '*');
        }
        (!found.is_empty()).then(|| chars.into_iter().collect())
    }

    /// Where words of the list stand.
    fn find(&self, chars: &[char]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let tokens = tokens(chars);
        for token in &tokens {
            self.judge(token, &mut found);
        }
        for together in joined(chars, &tokens) {
            self.judge(&together, &mut found);
        }
        found
    }

    /// Tries a word with and without the signs at its ends.
    fn judge(&self, token: &[Letter], found: &mut Vec<Range<usize>>) {
        let first = token.iter().position(|letter| !letter.is_sign).unwrap_or(0);
        let last = token.iter().rposition(|letter| !letter.is_sign).map_or(token.len(), |last| last + 1);
        let tries = [token, &token[first..], &token[..last], token.get(first..last).unwrap_or_default()];
        for part in tries {
            let (Some(from), Some(to)) = (part.first(), part.last()) else { continue };
            if self.has(part) {
                found.push(from.at..to.at + 1);
                return;
            }
        }
    }

    fn has(&self, letters: &[Letter]) -> bool {
        let folded: Vec<char> = letters.iter().flat_map(|letter| letter.folded.chars()).collect();
        if self.has_folded(&folded) {
            return true;
        }
        // Drawn out: runs of three and more are what they are of one letter, or of two.
        [1, 2].into_iter().any(|most| shortened(&folded, most).is_some_and(|short| self.has_folded(&short)))
    }

    fn has_folded(&self, folded: &[char]) -> bool {
        let is = |list: &List, part: &[char]| list.contains(part);
        if is(&self.whole, folded) {
            return true;
        }
        let most = folded.len().min(WORD_CHARS_MAX);
        if !self.beginnings.is_empty() && (2..=most).any(|len| is(&self.beginnings, &folded[..len])) {
            return true;
        }
        !self.anywhere.is_empty()
            && (0..folded.len()).any(|from| {
                let most = (folded.len() - from).min(WORD_CHARS_MAX);
                (2..=most).any(|len| is(&self.anywhere, &folded[from..from + len]))
            })
    }
}

/// Runs of three and more of one letter as runs of `most`; `None` when there are none.
fn shortened(folded: &[char], most: usize) -> Option<Vec<char>> {
    let mut short = Vec::with_capacity(folded.len());
    for run in folded.chunk_by(|a, b| a == b) {
        let len = if run.len() >= 3 { most } else { run.len() };
        short.extend(std::iter::repeat_n(run[0], len));
    }
    (short.len() < folded.len()).then_some(short)
}

/// The words of a text; what is invisible or an accent is between letters without parting them.
fn tokens(chars: &[char]) -> Vec<Vec<Letter>> {
    let mut tokens = Vec::new();
    let mut now: Vec<Letter> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        match letter(*c) {
            Some(("", _)) => {}
            Some((folded, is_sign)) => now.push(Letter { at, folded, is_sign }),
            None if now.is_empty() => {}
            None => tokens.push(std::mem::take(&mut now)),
        }
    }
    if !now.is_empty() {
        tokens.push(now);
    }
    tokens
}

/// Words put together of what stands apart: single letters with one character between them (`f u c k`), and parts
/// with no space between them (`fu.ck`).
fn joined(chars: &[char], tokens: &[Vec<Letter>]) -> Vec<Vec<Letter>> {
    let gap = |one: &[Letter], next: &[Letter]| match (one.last(), next.first()) {
        (Some(last), Some(first)) => &chars[last.at + 1..first.at],
        _ => &[],
    };
    let mut found = Vec::new();
    let singles = |one: &Vec<Letter>, next: &Vec<Letter>| {
        one.len() == 1 && next.len() == 1 && gap(one, next).len() == 1
    };
    let dotted = |one: &Vec<Letter>, next: &Vec<Letter>| !gap(one, next).iter().any(|c| c.is_whitespace());
    let mut gather = |groups: &mut dyn Iterator<Item = &[Vec<Letter>]>| {
        for group in groups.filter(|group| group.len() > 1) {
            let letters: Vec<Letter> = group.iter().flatten().cloned().collect();
            if letters.len() <= SPACED_MAX {
                found.push(letters);
            }
        }
    };
    gather(&mut tokens.chunk_by(singles));
    gather(&mut tokens.chunk_by(dotted));
    found
}

fn fold(word: &str) -> String {
    word.chars().filter_map(letter).map(|(folded, _)| folded).collect()
}

/// What a character is folded to, and whether it is a sign; nothing for accents and what is invisible; `None` for
/// what parts words.
fn letter(c: char) -> Option<(&'static str, bool)> {
    let sign = match c {
        '@' => "a",
        '$' => "s",
        '!' | '|' => "l",
        '+' => "t",
        '€' => "e",
        _ => "",
    };
    if !sign.is_empty() {
        return Some((sign, true));
    }
    if is_combining_mark(c) || is_invisible(c) {
        return Some(("", false));
    }
    c.is_alphanumeric().then(|| (interned(c), false))
}

/// Characters without a shape of their own that are put between letters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The folded form of a letter or digit, kept for good: there are only so many characters.
fn interned(c: char) -> &'static str {
    static ASCII: OnceLock<[String; 128]> = OnceLock::new();
    static OTHERS: OnceLock<parking_lot::Mutex<HashMap<char, &'static str>>> = OnceLock::new();
    if c.is_ascii() {
        let table = ASCII.get_or_init(|| {
            std::array::from_fn(|n| fold_char(char::from(u8::try_from(n).unwrap_or_default())))
        });
        return &table[c as usize];
    }
    let mut others = OTHERS.get_or_init(Default::default).lock();
    others.entry(c).or_insert_with(|| Box::leak(fold_char(c).into_boxed_str()))
}

fn fold_char(c: char) -> String {
    let mut compatible = [0; 4];
    let bare: String = c.encode_utf8(&mut compatible).nfkd().filter(|c| !is_combining_mark(*c)).collect();
    let small = bare.to_lowercase();
    let skeleton: String = match small.is_ascii() {
        // Of the letters that a keyboard has each is itself: `m` is not `rn`.
        true => small,
        false => unicode_security::skeleton(&small).filter(|c| !is_combining_mark(*c)).collect(),
    };
    let like = |c: char| match c {
        '0' => 'o',
        '1' | 'i' => 'l',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        '8' => 'b',
        '9' => 'g',
        c => c,
    };
    skeleton.to_lowercase().chars().map(like).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &str) -> Words {
        let mut words = Words::default();
        words.add(list).unwrap();
        words
    }

    #[test]
    fn words_are_found_however_they_are_dressed_up() {
        let list = words("muck\nfiddle*\n*grotty*\n# a comment\n\nbill # with a reason\n");
        for text in [
            "muck",
            "MUCK!",
            "so much muck here",
            "m\u{fc}ck",
            "m\u{200b}u\u{ad}ck",
            "muuuuck",
            "m.u.c.k",
            "m u c k",
            "mu.ck",
            "m_u-c*k",
            "\u{ff4d}\u{ff55}\u{ff43}\u{ff4b}",
            "mu\u{441}k",
            "m\u{443}ck muck",
            "fiddlesticks",
            "f1ddl3",
            "veryGROTTYthing",
            "gr0++y",
            "b!ll",
            "8111",
            "(bill)",
            "bi\u{301}ll",
        ] {
            assert!(list.are_in(text), "{text}");
        }
        for text in ["mucking", "amuck", "dill", "a bil l", "mu ck", "", "m", "grot ty", "fid", "so m uc k"] {
            assert!(!list.are_in(text), "{text}");
        }
    }

    #[test]
    fn what_is_masked_keeps_its_length() {
        let list = words("muck\ndirt");
        assert_eq!(list.mask("a clean text"), None);
        assert_eq!(list.mask("Muck, and m u c k and dirt!").unwrap(), "****, and * * * * and ****!");
        assert_eq!(list.mask("\u{1f600} m\u{fc}ck\n").unwrap(), "\u{1f600} ****\n");
    }

    #[test]
    fn a_list_is_read_or_refused_by_line() {
        let mut list = Words::default();
        assert!(list.add("fine\ntwo words").unwrap_err().contains("line 2"));
        assert!(list.add("x").unwrap_err().contains("line 1"));
        assert!(list.add(&"x".repeat(33)).is_err());
        let built_in = Words::open(true, "").unwrap();
        for text in ["Scunthorpe", "class", "assassin", "the cocktail was sextant", "Essex", "hello, grape!"]
        {
            assert!(!built_in.are_in(text), "{text}");
        }
        assert!(built_in.are_in("what the f\u{3c5}ck"));
        assert!(Words::open(true, "/nowhere/words").unwrap_err().contains("words_file"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "muck\n").unwrap();
        let own = Words::open(false, &file.path().to_string_lossy()).unwrap();
        assert!(own.are_in("muck") && !own.are_in("fuck"));
    }

    #[test]
    fn a_long_text_is_judged_quickly() {
        let list = words("*grotty*\nfiddle*");
        let started = std::time::Instant::now();
        assert!(!list.are_in(&"ab".repeat(1_000)));
        assert!(!list.are_in(&"a ".repeat(1_000)));
        assert!(started.elapsed().as_secs() < 2);
    }
}

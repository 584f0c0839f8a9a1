//! Pages of lists: a cursor is the key of the last item, encoded so that nobody builds on it.

use crate::error::{Failure, Outcome};
use aethex_wire::page::{CURSOR_LEN_MAX, PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX, Page, PageQuery};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The part of a list that is asked for.
#[derive(Debug)]
pub(crate) struct Window {
    limit: usize,
    /// Key of the item before; empty for the first page.
    pub(crate) after: String,
}

impl Window {
    pub(crate) fn of(query: &PageQuery) -> Outcome<Window> {
        let limit = query.limit.unwrap_or(PAGE_LIMIT_DEFAULT);
        if !(1..=PAGE_LIMIT_MAX).contains(&limit) {
            return Err(Failure::invalid(format!("`limit` is 1 to {PAGE_LIMIT_MAX}.")));
        }
        let after = match &query.cursor {
            None => String::new(),
            Some(cursor) => decode(cursor).ok_or_else(|| Failure::invalid("`cursor` is not one of ours."))?,
        };
        Ok(Window { limit: limit as usize, after })
    }

    /// Rows to read: one more than the page holds, to know whether there is another.
    pub(crate) fn rows(&self) -> i64 {
        self.limit as i64 + 1
    }

    pub(crate) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> String) -> Page<T> {
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let last = items.last().filter(|_| more).map(key);
        Page { next_cursor: last.map(|key| URL_SAFE_NO_PAD.encode(key)), items }
    }
}

fn decode(cursor: &str) -> Option<String> {
    if cursor.len() > CURSOR_LEN_MAX {
        return None;
    }
    let key = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    (!key.is_empty() && !key.contains('\0')).then_some(key)
}

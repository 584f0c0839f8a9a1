//! Questions of the SDK that a script answers: migrations and merges.
//!
//! The SDK asks on a thread of its own, which waits here. The main thread takes the questions once a frame, calls
//! the script's callable and answers. What is freed, fails, gives something that cannot be saved, or takes too long
//! counts as no answer; so does every question once the scene tree goes. Callables stay on the main thread: what
//! travels is a number.

use crate::convert::{to_value, to_variant};
use aethex_sdk_core::Value;
use godot::builtin::{Callable, Variant};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a question waits for a frame: shorter than the SDK waits, longer than a level takes to load.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(8);
/// Most questions that wait: each holds a thread of the SDK, which has four.
const QUESTIONS_MAX: usize = 16;

/// A script's function, by its number.
#[derive(Debug)]
pub(super) struct Function {
    id: u64,
}

impl Drop for Function {
    fn drop(&mut self) {
        // Callables may only go on the main thread.
        with_board(|board| board.dropped.push(self.id));
    }
}

/// A question under way.
#[derive(Debug)]
struct Question {
    function: u64,
    arguments: Vec<Value>,
    answer: SyncSender<Option<Value>>,
}

#[derive(Debug, Default)]
struct Board {
    questions: VecDeque<Question>,
    /// Functions that nobody asks any more.
    dropped: Vec<u64>,
    /// Nobody answers: there are no frames.
    closed: bool,
}

static BOARD: Mutex<Board> =
    Mutex::new(Board { questions: VecDeque::new(), dropped: Vec::new(), closed: false });

#[derive(Debug, Default)]
struct Functions {
    last_id: u64,
    known: BTreeMap<u64, Callable>,
}

thread_local! {
    static FUNCTIONS: RefCell<Functions> = RefCell::default();
}

fn with_board<T>(work: impl FnOnce(&mut Board) -> T) -> T {
    // A panic elsewhere leaves the lists whole.
    work(&mut BOARD.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Keeps a script's function for later questions.
pub(super) fn keep(callable: Callable) -> Arc<Function> {
    FUNCTIONS.with_borrow_mut(|functions| {
        functions.last_id += 1;
        functions.known.insert(functions.last_id, callable);
        Arc::new(Function { id: functions.last_id })
    })
}

impl Function {
    /// Asks, from any thread but the main one. Nothing when there is no answer.
    pub(super) fn ask(&self, arguments: Vec<Value>) -> Option<Value> {
        let (answer, answered) = sync_channel(1);
        let asked = with_board(|board| {
            let room = !board.closed && board.questions.len() < QUESTIONS_MAX;
            if room {
                board.questions.push_back(Question { function: self.id, arguments, answer });
            }
            room
        });
        if asked { answered.recv_timeout(ANSWER_TIME_MAX).ok().flatten() } else { None }
    }
}

/// Answers the questions that wait. Script code runs in here; nothing is held meanwhile.
pub(crate) fn answer_all() {
    let (questions, dropped) = with_board(|board| {
        if board.questions.is_empty() && board.dropped.is_empty() {
            return Default::default();
        }
        (std::mem::take(&mut board.questions), std::mem::take(&mut board.dropped))
    });
    for id in dropped {
        let gone = FUNCTIONS.with_borrow_mut(|functions| functions.known.remove(&id));
        drop(gone);
    }
    for question in questions {
        let callable = FUNCTIONS.with_borrow(|functions| functions.known.get(&question.function).cloned());
        let answer = callable.and_then(|callable| call(&callable, &question.arguments));
        // Whoever asked may have given up.
        let _ = question.answer.try_send(answer);
    }
}

/// Calls a script's function; nothing when it is gone, fails, or gives nothing that can be saved.
fn call(callable: &Callable, arguments: &[Value]) -> Option<Value> {
    // Of a freed object.
    if !callable.is_valid() {
        return None;
    }
    let arguments: Vec<Variant> =
        arguments.iter().map(|value| to_variant(value).unwrap_or_default()).collect();
    let given = callable.call(&arguments);
    if given.is_nil() {
        return None;
    }
    match to_value(&given) {
        Ok(value) => Some(value),
        Err(error) => {
            godot::global::godot_print!("AeThexCloud: an answer of a script cannot be used: {error}");
            None
        }
    }
}

/// Nobody answers from here on: who waits goes on without.
pub(crate) fn close() {
    let questions = with_board(|board| {
        board.closed = true;
        std::mem::take(&mut board.questions)
    });
    drop(questions);
}

/// Frames come (again).
pub(crate) fn open() {
    with_board(|board| board.closed = false);
}

/// Forgets every function: script code must not outlive its language.
pub(crate) fn forget_all() {
    close();
    let gone = FUNCTIONS.with_borrow_mut(|functions| std::mem::take(&mut functions.known));
    drop(gone);
}

//! Keeps the library in memory until the process ends.
//!
//! The engine unloads extensions while it exits. Threads that the SDK's own dependencies keep for the whole
//! process (the client of the desktop's keyring has some, and no way to end them) would then run on in memory
//! that is gone, and crash the game after its last line. In the editor the library must remain exchangeable;
//! there no keyring is used instead, see [`crate::settings`].

/// Makes unloading do nothing from now on.
#[cfg(unix)]
pub(crate) fn stay_loaded() {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    let inside = stay_loaded as fn() as *const libc::c_void;
    // SAFETY: `inside` is an address of this library; `info` is filled before it is read, and its file name
    // belongs to the loader. Opening a library that is loaded already runs no code of it; the handle is
    // kept for ever on purpose.
    unsafe {
        if libc::dladdr(inside, info.as_mut_ptr()) == 0 {
            return;
        }
        let name = info.assume_init().dli_fname;
        if !name.is_null() {
            libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE);
        }
    }
}

/// Elsewhere the keyring's client keeps no threads.
#[cfg(not(unix))]
pub(crate) fn stay_loaded() {}

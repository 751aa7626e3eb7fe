//! The allocator of the process.
//!
//! glibc gives every thread a heap of its own, and what lies free in one of them is of no use to the others. The
//! tensors of a training step are made and dropped by whichever thread is at hand, and the process then holds up to
//! twice what lives at once. All threads share one heap here; the system calls that large tensors take dwarf the
//! wait for its lock.

/// Lets all threads share one heap. To be called before there is a second thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc has no other door to this setting from inside the process")]
pub(crate) fn share_one_heap() {
    // SAFETY: takes two integers, and no other thread allocates yet. A refusal changes nothing but memory.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}

/// Gives large tensors back to the system when they are dropped, instead of keeping their memory for the next ones:
/// for work within a stated memory. A step takes about a tenth longer.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "glibc has no other door to this setting from inside the process")]
pub(crate) fn give_back() {
    // SAFETY: takes two integers and a lock. A refusal changes nothing but memory.
    unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20) };
}

/// Other systems' allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn give_back() {}

/// Other systems' allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn share_one_heap() {}

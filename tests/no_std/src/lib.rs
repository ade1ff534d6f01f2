//! A session on a machine without the standard library: enough to make the linker need everything.
#![no_std]
#![forbid(unsafe_code)]

use core::panic::PanicInfo;

use ftp_proto::{Client, Config, Input, Instant, Secret};

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Runs the beginning of a session; gives the bytes that wait to be sent.
pub fn session(greeting: &[u8]) -> usize {
    let peer = core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST);
    let mut client = Client::new(Config::default(), peer, Instant::ZERO);
    let _ = client.login(Instant::ZERO, b"user", Secret::new(b"secret"), None);
    client.handle(Instant::from_millis(1), Input::Control(greeting));
    while client.poll().is_some() {}
    client.outgoing().len()
}

#[panic_handler]
fn panic(_info: &PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

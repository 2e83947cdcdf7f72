// A vhost-user-blk back-end without a disk that exports and imports shared objects
//
// usage: vhost-user-objects SOCKET [UUID...]
//
// The program exports an object for each UUID on the command line.  Commands on standard
// input: "add UUID", "remove UUID", "lookup UUID", and "crate-lookup UUID", which looks
// the object up with the crate's own function.  With the feature "vhost-lookup", also
// "vhost-lookup UUID", which uses the function in vhost-lookup.rs.  The answer to each
// command is a line with "ok" and the inode of the object's memory, or with "error".
//
// SPDX-License-Identifier: GPL-2.0-or-later

use std::collections::hash_map::{Entry, HashMap};
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::{env, process, thread};

use uuid::Uuid;
use vhost::vhost_user::message::{
    VhostUserProtocolFeatures, VhostUserSharedMsg, VhostUserVirtioFeatures,
};
use vhost::vhost_user::{Backend, Error, Listener, VhostUserFrontendReqHandler};
use vhost_user_backend::{Error as DaemonError, VhostUserBackend, VhostUserDaemon, VringRwLock};
use vm_memory::{GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{
    new_event_consumer_and_notifier, EventConsumer, EventFlag, EventNotifier,
};
use vmm_sys_util::sock_ctrl_msg::ScmSocket;

const VIRTIO_F_VERSION_1: u64 = 1 << 32;
const OBJECT_SIZE: u64 = 4096;

// Memory that importers can map safely: nobody can truncate it
fn new_object() -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a valid string
    let fd = unsafe { libc::memfd_create(c"object".as_ptr(), flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: nobody else owns the file descriptor
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(OBJECT_SIZE)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW;
    // SAFETY: this command of fcntl() takes an int
    if unsafe { libc::fcntl(fd, libc::F_ADD_SEALS, seals) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

// The importer, for which the crate "vhost" has no functions

const SHARED_OBJECT_LOOKUP: u32 = 8;
const VERSION: u32 = 1;
const REPLY: u32 = 1 << 2;
const NEED_REPLY: u32 = 1 << 3;

// The back-end channel.  No function of the crate returns its socket, but this is the only
// socket of the process without a name.
fn channel_socket() -> io::Result<UnixStream> {
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let is_socket = fs::read_link(entry.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = entry.file_name().to_string_lossy().parse::<RawFd>();
        if let (true, Ok(fd @ 3..)) = (is_socket, number) {
            // SAFETY: the file descriptor is open, since its link could be read
            let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
            let socket = UnixStream::from(borrowed.try_clone_to_owned()?);
            if socket.local_addr().is_ok_and(|name| name.is_unnamed()) {
                return Ok(socket);
            }
        }
    }
    Err(io::ErrorKind::NotConnected.into())
}

fn header(flags: u32, size: u32) -> [u8; 12] {
    let words = [SHARED_OBJECT_LOOKUP, VERSION | flags, size];
    let mut bytes = [0; 12];
    for (to, word) in bytes.chunks_mut(4).zip(words) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

// Must not run at the same time as a call of the crate on this channel
fn look_up(mut socket: &UnixStream, uuid: &Uuid) -> io::Result<File> {
    socket.write_all(&[&header(NEED_REPLY, 16), &uuid.as_bytes()[..]].concat())?;
    let mut reply = [0; 20];
    let (size, file) = socket.recv_with_fd(&mut reply)?;
    socket.read_exact(&mut reply[size..])?;
    if reply[..12] != header(REPLY, 8) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    match (reply[12..] == [0; 8], file) {
        (true, Some(file)) => Ok(file),
        (false, None) => Err(io::ErrorKind::NotFound.into()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

// End of the importer

struct Channel {
    backend: Backend,
    socket: UnixStream, // the socket of "backend"
}

#[derive(Default)]
struct Objects {
    files: Mutex<HashMap<Uuid, File>>,
    // Locked during each request to QEMU, and before "files".  get_shared_object()
    // must not lock it: QEMU may send GET_SHARED_OBJECT before it replies.
    channel: Mutex<Option<Channel>>,
}

// The exporter

impl VhostUserBackend for Objects {
    type Bitmap = ();
    type Vring = VringRwLock;

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::CONFIG
            | VhostUserProtocolFeatures::REPLY_ACK
            | VhostUserProtocolFeatures::BACKEND_REQ
            | VhostUserProtocolFeatures::SHARED_OBJECT
    }

    fn set_backend_req_fd(&self, backend: Backend) {
        let mut channel = self.channel.lock().unwrap();
        *channel = None; // closes the previous channel, if QEMU sends a new one
        for &uuid in self.files.lock().unwrap().keys() {
            if let Err(err) = backend.shared_object_add(&VhostUserSharedMsg { uuid }) {
                eprintln!("cannot add the object {uuid}: {err}");
            }
        }
        match channel_socket() {
            Ok(socket) => *channel = Some(Channel { backend, socket }),
            Err(err) => eprintln!("cannot find the back-end channel: {err}"),
        }
    }

    fn get_shared_object(&self, object: VhostUserSharedMsg) -> io::Result<File> {
        match self.files.lock().unwrap().get(&object.uuid) {
            Some(file) => file.try_clone(),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    // End of the exporter

    fn num_queues(&self) -> usize {
        1
    }

    fn max_queue_size(&self) -> usize {
        128
    }

    fn features(&self) -> u64 {
        VIRTIO_F_VERSION_1 | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn set_event_idx(&self, _enabled: bool) {}

    // Without this event, the program hangs when the daemon of a connection is dropped
    fn exit_event(&self, _thread_index: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK).ok()
    }

    fn get_config(&self, _offset: u32, size: u32) -> Vec<u8> {
        vec![0; size as usize]
    }

    fn update_memory(&self, _mem: GuestMemoryAtomic<GuestMemoryMmap>) -> io::Result<()> {
        Ok(())
    }

    fn handle_event(
        &self,
        _device_event: u16,
        _evset: EventSet,
        _vrings: &[VringRwLock],
        _thread_id: usize,
    ) -> io::Result<()> {
        Ok(())
    }
}

impl Objects {
    fn add(&self, backend: &Backend, object: &VhostUserSharedMsg) -> io::Result<File> {
        let file = new_object()?;
        // QEMU may ask for the object before it replies
        match self.files.lock().unwrap().entry(object.uuid) {
            Entry::Vacant(entry) => entry.insert(file.try_clone()?),
            Entry::Occupied(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        };
        let added = backend.shared_object_add(object);
        if added.is_err() {
            self.files.lock().unwrap().remove(&object.uuid);
        }
        added.map(|_| file)
    }

    fn remove(&self, backend: &Backend, object: &VhostUserSharedMsg) -> io::Result<File> {
        backend.shared_object_remove(object)?;
        let file = self.files.lock().unwrap().remove(&object.uuid);
        file.ok_or(io::ErrorKind::NotFound.into())
    }

    fn run(&self, command: &str) -> io::Result<File> {
        let (name, text) = command.split_once(' ').unwrap_or_default();
        let uuid = Uuid::parse_str(text).map_err(io::Error::other)?;
        let object = VhostUserSharedMsg { uuid };
        let channel = self.channel.lock().unwrap();
        let Channel { backend, socket } = channel.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        match name {
            "add" => self.add(backend, &object),
            "remove" => self.remove(backend, &object),
            "lookup" => look_up(socket, &uuid),
            "crate-lookup" => {
                let file = File::open("/dev/null")?;
                backend.shared_object_lookup(&object, &file.as_raw_fd())?;
                Ok(file)
            }
            #[cfg(feature = "vhost-lookup")]
            "vhost-lookup" => backend.get_object(&object),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn run_commands(&self) {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            match self.run(&line).and_then(|file| file.metadata()) {
                Ok(data) => println!("ok {}", data.ino()),
                Err(err) => println!("error: {err}"),
            }
        }
        process::exit(0);
    }
}

// A daemon serves one connection only
fn serve(objects: &Arc<Objects>, listener: &mut Listener) -> Result<(), DaemonError> {
    let memory = GuestMemoryAtomic::new(GuestMemoryMmap::new());
    let mut daemon = VhostUserDaemon::new("main-channel".to_string(), objects.clone(), memory)?;
    daemon.start(listener)?;
    let ended = daemon.wait();
    *objects.channel.lock().unwrap() = None;
    match ended {
        Err(DaemonError::HandleRequest(Error::Disconnected)) => Ok(()),
        other => other,
    }
}

fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let mut listener = Listener::new(arguments.next().expect("SOCKET"), true)?;
    let objects = Arc::new(Objects::default());
    for text in arguments {
        let uuid = Uuid::parse_str(&text).map_err(io::Error::other)?;
        objects.files.lock().unwrap().insert(uuid, new_object()?);
    }
    let commands = objects.clone();
    thread::spawn(move || commands.run_commands());
    loop {
        if let Err(err) = serve(&objects, &mut listener) {
            eprintln!("{err}");
        }
    }
}

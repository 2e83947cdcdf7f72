// What the crate "vhost" 0.17 lacks, to be appended to src/vhost_user/backend_req.rs
//
// SPDX-License-Identifier: GPL-2.0-or-later

impl Backend {
    /// Get the file descriptor of an object of another device.
    pub fn get_object(&self, uuid: &VhostUserSharedMsg) -> HandlerResult<std::fs::File> {
        let mut guard = self.inner.lock().unwrap();
        if !guard.shared_object_negotiated {
            return Err(io::Error::other("Shared Object feature not negotiated"));
        }
        guard.check_state()?;
        let len = mem::size_of::<VhostUserSharedMsg>() as u32;
        let mut hdr = VhostUserMsgHeader::new(BackendReq::SHARED_OBJECT_LOOKUP, 0, len);
        hdr.set_need_reply(true);
        guard.sock.send_message(&hdr, uuid, None)?;
        let (reply, body, files) = guard.sock.recv_body::<VhostUserU64>()?;
        let mut files = files.unwrap_or_default();
        match (reply.is_reply_for(&hdr), body.value, files.len()) {
            (true, 0, 1) => Ok(files.remove(0)),
            (true, 1.., 0) => Err(Error::FrontendInternalError.into()),
            _ => Err(Error::InvalidMessage.into()),
        }
    }
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linux driver for virtio media devices that are video outputs or captures
 *
 * The buffers are dma-bufs of another virtio device (V4L2_MEMORY_DMABUF, sent
 * as VIRTIO_OBJECT with the UUID of the exported object) or memory of the
 * program (V4L2_MEMORY_USERPTR, sent as SHARED_PAGES).
 *
 * The device has one session, from the first open() to the last close().  It
 * keeps the format, and videobuf2 keeps the buffers.
 *
 * V4L2's structures go to the device as they are.  The specification demands
 * the layout of a 64-bit little-endian machine, so the driver needs one.
 */

#include <linux/build_bug.h>
#include <linux/completion.h>
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/version.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_dma_buf.h>
#include <media/v4l2-device.h>
#include <media/v4l2-ioctl.h>
#include <media/videobuf2-v4l2.h>

#include "virtio-media.h"

#if !defined(CONFIG_64BIT) || !defined(__LITTLE_ENDIAN)
#error virtio_media needs a 64-bit little-endian machine
#endif

#define MEDIA_NAME		"virtio_media"
#define MEDIA_EVENTS		16
#define MEDIA_MOST_PAYLOAD	sizeof(struct v4l2_format)
/* What this driver can do, whatever the device says */
#define MEDIA_CAPS		(V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_CAPTURE | \
				 V4L2_CAP_STREAMING | V4L2_CAP_EXT_PIX_FORMAT)

enum { MEDIA_COMMANDS, MEDIA_EVENT_QUEUE, MEDIA_QUEUES };

/* What the device reads and writes for the command that is in flight */
struct media_io {
	union {
		struct virtio_media_cmd_header hdr;
		struct virtio_media_cmd_close close;
		struct virtio_media_cmd_ioctl ioctl;
	} cmd;
	union {
		struct virtio_media_resp_header hdr;
		struct virtio_media_resp_open open;
	} resp;
	u8 out[MEDIA_MOST_PAYLOAD];
	u8 in[MEDIA_MOST_PAYLOAD];
	u8 uuid[UUID_SIZE];
};

union media_event {
	struct virtio_media_event_header hdr;
	struct virtio_media_event_error error;
	struct {
		struct virtio_media_event_header hdr;
		struct v4l2_buffer buffer;
		struct v4l2_plane planes[VIRTIO_MEDIA_MAX_PLANES];
	} dequeued;
};

/**
 * struct virtio_media - a device
 * @v4l2: frees this structure after the last close()
 * @video: the node /dev/video*
 * @queue: the buffers
 * @virtio: the virtio device
 * @vqs: its queues
 * @card: name of the device
 * @lock: serializes ioctls, open() and release(), and thus commands
 * @removed: @vqs are gone; protected by @lock
 * @sizeimage: bytes of a frame in a buffer; protected by @lock
 * @session: the device's number of the session; 0 for none
 * @io: memory of the command in flight; protected by @lock
 * @answered: the device has executed the command
 * @answer_len: number of bytes that the device has written for it
 * @event_lock: protects what follows, the event queue and the state of buffers
 * @streaming: the device may return buffers
 * @started: the device has started the stream
 * @events: memory of the event queue
 */
struct virtio_media {
	struct v4l2_device v4l2;
	struct video_device video;
	struct vb2_queue queue;
	struct virtio_device *virtio;
	struct virtqueue *vqs[MEDIA_QUEUES];
	char card[sizeof_field(struct virtio_media_config, card)];

	struct mutex lock;
	bool removed;
	u32 sizeimage;
	u32 session;
	struct media_io io;
	struct completion answered;
	u32 answer_len;

	spinlock_t event_lock;
	bool streaming;
	bool started;
	union media_event events[MEDIA_EVENTS];
};

/**
 * struct media_buffer - a buffer of the queue
 * @vb: videobuf2's part, which is first
 * @early: DONE or ERROR if the device is done with the buffer before @started;
 *	   videobuf2 wants all buffers back as QUEUED if the stream fails to start
 */
struct media_buffer {
	struct vb2_v4l2_buffer vb;
	enum vb2_buffer_state early;
};

/**
 * struct media_memory - memory of a buffer
 * @pages: pinned pages of the program; NULL for a dma-buf
 * @count: number of @pages
 * @written: the device writes to @pages
 * @size: size of @data
 * @data: what follows a struct v4l2_buffer: a UUID, or a list of pages
 */
struct media_memory {
	struct page **pages;
	unsigned int count;
	bool written;
	size_t size;
	u8 data[] __aligned(8);
};

/* A chain of descriptors: what the device reads, then what it writes */
struct media_chain {
	struct scatterlist sg[6];
	struct scatterlist *sgs[6];
	unsigned int count;
	unsigned int readable;
};

static void chain_add(struct media_chain *chain, const void *data, size_t size)
{
	struct scatterlist *sg = &chain->sg[chain->count];

	if (size) {
		sg_init_one(sg, data, size);
		chain->sgs[chain->count++] = sg;
	}
}

static void chain_add_readable(struct media_chain *chain, const void *data,
			       size_t size)
{
	chain_add(chain, data, size);
	chain->readable = chain->count;
}

static void media_answered(struct virtqueue *vq)
{
	struct virtio_media *media = vq->vdev->priv;

	if (virtqueue_get_buf(vq, &media->answer_len))
		complete(&media->answered);
}

/* Return 0 when the device has executed the command */
static int media_send(struct virtio_media *media, struct media_chain *chain)
{
	struct virtqueue *vq = media->vqs[MEDIA_COMMANDS];
	int ret;

	lockdep_assert_held(&media->lock);
	if (media->removed)
		return -ENODEV;
	reinit_completion(&media->answered);
	ret = virtqueue_add_sgs(vq, chain->sgs, chain->readable,
				chain->count - chain->readable, media,
				GFP_KERNEL);
	if (ret)
		return ret;
	virtqueue_kick(vq);
	while (!wait_for_completion_timeout(&media->answered, HZ))
		if (virtqueue_is_broken(vq))
			return -ENODEV;
	return 0;
}

/* Send a command that has a response of at least @size bytes */
static int media_ask(struct virtio_media *media, struct media_chain *chain,
		     size_t size)
{
	u32 status;
	int ret;

	ret = media_send(media, chain);
	if (ret)
		return ret;
	if (media->answer_len < sizeof(media->io.resp.hdr))
		return -EIO;
	status = media->io.resp.hdr.status;
	/* numbers from ERESTARTSYS on are internal to the kernel */
	if (status)
		return status < ERESTARTSYS ? -(int)status : -EIO;
	return media->answer_len < size ? -EIO : 0;
}

static int media_open_session(struct virtio_media *media)
{
	struct media_io *io = &media->io;
	struct media_chain chain = {};
	int ret;

	io->cmd.hdr = (struct virtio_media_cmd_header) {
		.cmd = VIRTIO_MEDIA_CMD_OPEN,
	};
	chain_add_readable(&chain, &io->cmd.hdr, sizeof(io->cmd.hdr));
	chain_add(&chain, &io->resp.open, sizeof(io->resp.open));
	ret = media_ask(media, &chain, sizeof(io->resp.open));
	if (!ret)
		media->session = io->resp.open.session_id;
	return ret;
}

static void media_close_session(struct virtio_media *media)
{
	struct media_io *io = &media->io;
	struct media_chain chain = {};

	io->cmd.close = (struct virtio_media_cmd_close) {
		.hdr.cmd = VIRTIO_MEDIA_CMD_CLOSE,
		.session_id = media->session,
	};
	chain_add_readable(&chain, &io->cmd.close, sizeof(io->cmd.close));
	media_send(media, &chain);
	media->session = 0;
}

/*
 * Let the device execute an ioctl.  @memory follows @arg if it is not NULL; the
 * device repeats a UUID in its response.
 */
static int media_ioctl_memory(struct virtio_media *media, unsigned int ioctl,
			      void *arg, const struct media_memory *memory)
{
	bool reads = _IOC_DIR(ioctl) & _IOC_WRITE;
	bool writes = _IOC_DIR(ioctl) & _IOC_READ;
	struct media_io *io = &media->io;
	size_t size = _IOC_SIZE(ioctl);
	struct media_chain chain = {};
	int ret;

	io->cmd.ioctl = (struct virtio_media_cmd_ioctl) {
		.hdr.cmd = VIRTIO_MEDIA_CMD_IOCTL,
		.session_id = media->session,
		.code = _IOC_NR(ioctl),
	};
	memcpy(io->out, arg, size);
	chain_add_readable(&chain, &io->cmd.ioctl, sizeof(io->cmd.ioctl));
	chain_add_readable(&chain, io->out, reads ? size : 0);
	if (memory)
		chain_add_readable(&chain, memory->data, memory->size);
	chain_add(&chain, &io->resp.hdr, sizeof(io->resp.hdr));
	chain_add(&chain, io->in, writes ? size : 0);
	if (memory && !memory->pages)
		chain_add(&chain, io->uuid, sizeof(io->uuid));
	ret = media_ask(media, &chain,
			sizeof(io->resp.hdr) + (writes ? size : 0));
	if (!ret && writes)
		memcpy(arg, io->in, size);
	return ret;
}

static int media_ioctl(struct virtio_media *media, unsigned int ioctl,
		       void *arg)
{
	return media_ioctl_memory(media, ioctl, arg, NULL);
}

/* Memory of buffers */

static bool media_is_capture(const struct vb2_queue *queue)
{
	return queue->type == V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static struct media_memory *media_alloc_memory(size_t size)
{
	struct media_memory *memory;

	memory = kzalloc(struct_size(memory, data, size),
			 GFP_KERNEL | __GFP_NOWARN);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	memory->size = size;
	return memory;
}

/* Wait until the exporter's device has assigned a UUID */
static void *media_attach_dmabuf(struct vb2_buffer *vb, struct device *dev,
				 struct dma_buf *dmabuf, unsigned long size)
{
	struct media_memory *memory;
	uuid_t uuid;
	int ret;

	/* -EINVAL for a dma-buf of a driver that is not for virtio */
	ret = virtio_dma_buf_get_uuid(dmabuf, &uuid);
	if (ret)
		return ERR_PTR(ret);
	memory = media_alloc_memory(UUID_SIZE);
	if (!IS_ERR(memory))
		export_uuid(memory->data, &uuid);
	return memory;
}

static void media_detach_dmabuf(void *memory)
{
	kfree(memory);
}

/* Only the device maps the memory */
static int media_map_dmabuf(void *memory)
{
	return 0;
}

static void media_unmap_dmabuf(void *memory)
{
}

static void media_put_userptr(void *data)
{
	struct media_memory *memory = data;

	unpin_user_pages_dirty_lock(memory->pages, memory->count,
				    memory->written);
	kvfree(memory->pages);
	kfree(memory);
}

/* FOLL_WRITE breaks copy-on-write, so that the program keeps the pages */
static int media_pin(struct media_memory *memory, unsigned long start,
		     unsigned int count)
{
	int pinned;

	memory->pages = kvmalloc_array(count, sizeof(*memory->pages),
				       GFP_KERNEL);
	if (!memory->pages)
		return -ENOMEM;
	pinned = pin_user_pages_fast(start & PAGE_MASK, count,
				     FOLL_WRITE | FOLL_LONGTERM,
				     memory->pages);
	memory->count = max(pinned, 0);
	if (pinned == count)
		return 0;
	return pinned < 0 ? pinned : -EFAULT;
}

/* Only pin the size of a frame: a buffer can be larger */
static void *media_get_userptr(struct vb2_buffer *vb, struct device *dev,
			       unsigned long start, unsigned long length)
{
	struct virtio_media *media = vb2_get_drv_priv(vb->vb2_queue);
	unsigned long size = min_t(unsigned long, length, media->sizeimage);
	unsigned int count = PFN_UP(offset_in_page(start) + size);
	struct virtio_media_sg_entry *entry;
	struct media_memory *memory;
	unsigned long part;
	int ret;

	memory = media_alloc_memory(array_size(count, sizeof(*entry)));
	if (IS_ERR(memory))
		return memory;
	memory->written = media_is_capture(vb->vb2_queue);
	ret = media_pin(memory, start, count);
	if (ret) {
		media_put_userptr(memory);
		return ERR_PTR(ret);
	}
	entry = (struct virtio_media_sg_entry *)memory->data;
	for (unsigned int i = 0; i < count; i++) {
		part = min(size, PAGE_SIZE - offset_in_page(start));
		entry[i].start = page_to_phys(memory->pages[i]) +
				 offset_in_page(start);
		entry[i].len = part;
		start += part;
		size -= part;
	}
	return memory;
}

static const struct vb2_mem_ops media_mem_ops = {
	.get_userptr = media_get_userptr,
	.put_userptr = media_put_userptr,
	.attach_dmabuf = media_attach_dmabuf,
	.detach_dmabuf = media_detach_dmabuf,
	.map_dmabuf = media_map_dmabuf,
	.unmap_dmabuf = media_unmap_dmabuf,
};

/* Events */

static enum vb2_buffer_state *media_early(struct vb2_buffer *vb)
{
	return &container_of(to_vb2_v4l2_buffer(vb), struct media_buffer,
			     vb)->early;
}

static void media_buffer_done(struct virtio_media *media,
			      struct vb2_buffer *vb,
			      enum vb2_buffer_state state)
{
	lockdep_assert_held(&media->event_lock);
	if (vb->state != VB2_BUF_STATE_ACTIVE)
		return;
	if (media->started)
		vb2_buffer_done(vb, state);
	else
		*media_early(vb) = state;
}

/* Take the timestamp here: the device's clock is not Linux's clock */
static void media_captured(struct vb2_buffer *vb,
			   const struct v4l2_buffer *buffer)
{
	struct vb2_v4l2_buffer *vbuf = to_vb2_v4l2_buffer(vb);

	vb->timestamp = ktime_get_ns();
	vb2_set_plane_payload(vb, 0, min_t(unsigned long, buffer->bytesused,
					   vb2_plane_size(vb, 0)));
	vbuf->field = V4L2_FIELD_NONE;
	vbuf->flags |= buffer->flags & V4L2_BUF_FLAG_LAST;
}

static void media_dequeued(struct virtio_media *media,
			   const struct v4l2_buffer *buffer)
{
	struct vb2_buffer *vb = vb2_get_buffer(&media->queue, buffer->index);

	if (!vb || vb->state != VB2_BUF_STATE_ACTIVE)
		return;
	to_vb2_v4l2_buffer(vb)->sequence = buffer->sequence;
	if (media_is_capture(&media->queue))
		media_captured(vb, buffer);
	media_buffer_done(media, vb, buffer->flags & V4L2_BUF_FLAG_ERROR ?
			  VB2_BUF_STATE_ERROR : VB2_BUF_STATE_DONE);
}

static void media_handle_event(struct virtio_media *media,
			       const union media_event *event, u32 len)
{
	if (!media->streaming || len < sizeof(event->hdr) ||
	    event->hdr.session_id != media->session)
		return;
	if (event->hdr.event == VIRTIO_MEDIA_EVT_DQBUF &&
	    len >= sizeof(event->dequeued))
		media_dequeued(media, &event->dequeued.buffer);
	else if (event->hdr.event == VIRTIO_MEDIA_EVT_ERROR)
		vb2_queue_error(&media->queue);
}

static int media_add_event(struct virtio_media *media, union media_event *event)
{
	struct scatterlist sg;

	sg_init_one(&sg, event, sizeof(*event));
	return virtqueue_add_inbuf(media->vqs[MEDIA_EVENT_QUEUE], &sg, 1, event,
				   GFP_ATOMIC);
}

static void media_handle_events(struct virtqueue *vq)
{
	struct virtio_media *media = vq->vdev->priv;
	union media_event *event;
	unsigned long flags;
	u32 len;

	spin_lock_irqsave(&media->event_lock, flags);
	while ((event = virtqueue_get_buf(vq, &len))) {
		media_handle_event(media, event, len);
		media_add_event(media, event);
	}
	virtqueue_kick(vq);
	spin_unlock_irqrestore(&media->event_lock, flags);
}

static int media_add_events(struct virtio_media *media)
{
	int ret = 0;

	for (unsigned int i = 0; i < MEDIA_EVENTS && !ret; i++)
		ret = media_add_event(media, &media->events[i]);
	virtqueue_kick(media->vqs[MEDIA_EVENT_QUEUE]);
	return ret;
}

/* The queue of buffers */

static int media_queue_setup(struct vb2_queue *queue, unsigned int *buffers,
			     unsigned int *planes, unsigned int sizes[],
			     struct device *devs[])
{
	struct virtio_media *media = vb2_get_drv_priv(queue);
	struct v4l2_format format = { .type = queue->type };
	struct v4l2_requestbuffers request = {
		.count = *buffers,
		.type = queue->type,
		.memory = queue->memory,
	};
	int ret;

	ret = media_ioctl(media, VIDIOC_G_FMT, &format);
	if (!ret)
		ret = media_ioctl(media, VIDIOC_REQBUFS, &request);
	if (ret)
		return ret;
	if (!format.fmt.pix.sizeimage)
		return -EIO;
	media->sizeimage = format.fmt.pix.sizeimage;
	*buffers = request.count;
	*planes = 1;
	sizes[0] = media->sizeimage;
	return 0;
}

static int media_buf_prepare(struct vb2_buffer *vb)
{
	struct virtio_media *media = vb2_get_drv_priv(vb->vb2_queue);

	if (media_is_capture(vb->vb2_queue))
		return vb2_plane_size(vb, 0) < media->sizeimage ? -EINVAL : 0;
	if (vb2_get_plane_payload(vb, 0) < media->sizeimage)
		return -EINVAL;
	vb2_set_plane_payload(vb, 0, media->sizeimage);
	to_vb2_v4l2_buffer(vb)->field = V4L2_FIELD_NONE;
	return 0;
}

static void media_buf_queue(struct vb2_buffer *vb)
{
	struct virtio_media *media = vb2_get_drv_priv(vb->vb2_queue);
	struct v4l2_buffer buffer = {
		.index = vb->index,
		.type = vb->type,
		.memory = vb->memory,
		.field = V4L2_FIELD_NONE,
		.bytesused = media_is_capture(vb->vb2_queue) ?
			     0 : media->sizeimage,
		.length = media->sizeimage,
	};

	v4l2_buffer_set_timestamp(&buffer, vb->timestamp);
	if (!media_ioctl_memory(media, VIDIOC_QBUF, &buffer,
				vb->planes[0].mem_priv))
		return;
	spin_lock_irq(&media->event_lock);
	media_buffer_done(media, vb, VB2_BUF_STATE_ERROR);
	spin_unlock_irq(&media->event_lock);
}

static void media_set_streaming(struct virtio_media *media, bool streaming)
{
	spin_lock_irq(&media->event_lock);
	media->streaming = streaming;
	spin_unlock_irq(&media->event_lock);
}

/*
 * End the stream.  The events of its buffers are in the queue before the answer
 * to STREAMOFF, so none is left for the next stream.
 */
static void media_end_stream(struct virtio_media *media,
			     enum vb2_buffer_state state)
{
	int type = media->queue.type;
	struct vb2_buffer *vb;

	media_ioctl(media, VIDIOC_STREAMOFF, &type);
	media_handle_events(media->vqs[MEDIA_EVENT_QUEUE]);
	media_set_streaming(media, false);
	spin_lock_irq(&media->event_lock);
	media->started = false;
	for (unsigned int i = 0; (vb = vb2_get_buffer(&media->queue, i)); i++) {
		*media_early(vb) = 0;
		if (vb->state == VB2_BUF_STATE_ACTIVE)
			vb2_buffer_done(vb, state);
	}
	spin_unlock_irq(&media->event_lock);
}

static void media_set_started(struct virtio_media *media)
{
	struct vb2_buffer *vb;

	spin_lock_irq(&media->event_lock);
	media->started = true;
	for (unsigned int i = 0; (vb = vb2_get_buffer(&media->queue, i)); i++)
		if (*media_early(vb))
			media_buffer_done(media, vb, *media_early(vb));
	spin_unlock_irq(&media->event_lock);
}

static int media_start_streaming(struct vb2_queue *queue, unsigned int count)
{
	struct virtio_media *media = vb2_get_drv_priv(queue);
	int type = queue->type;
	int ret;

	/* videobuf2 clears the flag in STREAMOFF, but not in close() */
	vb2_clear_last_buffer_dequeued(queue);
	media_set_streaming(media, true);
	ret = media_ioctl(media, VIDIOC_STREAMON, &type);
	if (ret)
		media_end_stream(media, VB2_BUF_STATE_QUEUED);
	else
		media_set_started(media);
	return ret;
}

static void media_stop_streaming(struct vb2_queue *queue)
{
	media_end_stream(vb2_get_drv_priv(queue), VB2_BUF_STATE_ERROR);
}

static const struct vb2_ops media_queue_ops = {
	.queue_setup = media_queue_setup,
	.buf_prepare = media_buf_prepare,
	.buf_queue = media_buf_queue,
	.start_streaming = media_start_streaming,
	.stop_streaming = media_stop_streaming,
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	.wait_prepare = vb2_ops_wait_prepare,
	.wait_finish = vb2_ops_wait_finish,
#endif
};

/* ioctls */

static int media_querycap(struct file *file, void *priv,
			  struct v4l2_capability *cap)
{
	struct virtio_media *media = video_drvdata(file);

	strscpy(cap->driver, MEDIA_NAME, sizeof(cap->driver));
	strscpy(cap->card, media->card, sizeof(cap->card));
	snprintf(cap->bus_info, sizeof(cap->bus_info), "platform:%s",
		 dev_name(&media->virtio->dev));
	return 0;
}

/* An ioctl that the device executes */
#define MEDIA_FORWARD(name, type, ioctl)				\
	static int name(struct file *file, void *priv, type *arg)	\
	{								\
		BUILD_BUG_ON(_IOC_SIZE(ioctl) != sizeof(*arg));		\
		BUILD_BUG_ON(sizeof(*arg) > MEDIA_MOST_PAYLOAD);	\
		return media_ioctl(video_drvdata(file), ioctl, arg);	\
	}

MEDIA_FORWARD(media_forward_enum_fmt, struct v4l2_fmtdesc, VIDIOC_ENUM_FMT)
MEDIA_FORWARD(media_enum_framesizes, struct v4l2_frmsizeenum,
	      VIDIOC_ENUM_FRAMESIZES)
MEDIA_FORWARD(media_g_fmt, struct v4l2_format, VIDIOC_G_FMT)
MEDIA_FORWARD(media_try_fmt, struct v4l2_format, VIDIOC_TRY_FMT)
MEDIA_FORWARD(media_g_parm, struct v4l2_streamparm, VIDIOC_G_PARM)
MEDIA_FORWARD(media_s_parm, struct v4l2_streamparm, VIDIOC_S_PARM)
MEDIA_FORWARD(media_g_selection, struct v4l2_selection, VIDIOC_G_SELECTION)
MEDIA_FORWARD(media_s_selection, struct v4l2_selection, VIDIOC_S_SELECTION)
MEDIA_FORWARD(media_enum_output, struct v4l2_output, VIDIOC_ENUMOUTPUT)
MEDIA_FORWARD(media_g_output, unsigned int, VIDIOC_G_OUTPUT)
MEDIA_FORWARD(media_enum_input, struct v4l2_input, VIDIOC_ENUMINPUT)
MEDIA_FORWARD(media_g_input, unsigned int, VIDIOC_G_INPUT)

/* V4L2 warns of a format that it does not know, unless it is described */
static int media_enum_fmt(struct file *file, void *priv,
			  struct v4l2_fmtdesc *desc)
{
	int ret = media_forward_enum_fmt(file, priv, desc);

	if (!ret && !desc->description[0])
		strscpy(desc->description, "unknown", sizeof(desc->description));
	return ret;
}

static int media_s_output(struct file *file, void *priv, unsigned int number)
{
	return media_ioctl(video_drvdata(file), VIDIOC_S_OUTPUT, &number);
}

static int media_s_input(struct file *file, void *priv, unsigned int number)
{
	return media_ioctl(video_drvdata(file), VIDIOC_S_INPUT, &number);
}

static int media_s_fmt(struct file *file, void *priv,
		       struct v4l2_format *format)
{
	struct virtio_media *media = video_drvdata(file);

	if (vb2_is_busy(&media->queue))
		return -EBUSY;
	return media_ioctl(media, VIDIOC_S_FMT, format);
}

/* No callback of videobuf2 tells that a request frees all buffers */
static int media_reqbufs(struct file *file, void *priv,
			 struct v4l2_requestbuffers *request)
{
	struct v4l2_requestbuffers none = *request;
	int ret;

	ret = vb2_ioctl_reqbufs(file, priv, request);
	if (ret || none.count)
		return ret;
	return media_ioctl(video_drvdata(file), VIDIOC_REQBUFS, &none);
}

/* V4L2 hides the ioctls of the other direction */
static const struct v4l2_ioctl_ops media_ioctl_ops = {
	.vidioc_querycap = media_querycap,
	.vidioc_enum_fmt_vid_out = media_enum_fmt,
	.vidioc_enum_fmt_vid_cap = media_enum_fmt,
	.vidioc_enum_framesizes = media_enum_framesizes,
	.vidioc_g_fmt_vid_out = media_g_fmt,
	.vidioc_s_fmt_vid_out = media_s_fmt,
	.vidioc_try_fmt_vid_out = media_try_fmt,
	.vidioc_g_fmt_vid_cap = media_g_fmt,
	.vidioc_s_fmt_vid_cap = media_s_fmt,
	.vidioc_try_fmt_vid_cap = media_try_fmt,
	.vidioc_g_parm = media_g_parm,
	.vidioc_s_parm = media_s_parm,
	.vidioc_g_selection = media_g_selection,
	.vidioc_s_selection = media_s_selection,
	.vidioc_enum_output = media_enum_output,
	.vidioc_g_output = media_g_output,
	.vidioc_s_output = media_s_output,
	.vidioc_enum_input = media_enum_input,
	.vidioc_g_input = media_g_input,
	.vidioc_s_input = media_s_input,
	.vidioc_reqbufs = media_reqbufs,
	.vidioc_querybuf = vb2_ioctl_querybuf,
	.vidioc_prepare_buf = vb2_ioctl_prepare_buf,
	.vidioc_qbuf = vb2_ioctl_qbuf,
	.vidioc_dqbuf = vb2_ioctl_dqbuf,
	.vidioc_streamon = vb2_ioctl_streamon,
	.vidioc_streamoff = vb2_ioctl_streamoff,
};

static int media_open(struct file *file)
{
	struct virtio_media *media = video_drvdata(file);
	int ret;

	mutex_lock(&media->lock);
	ret = v4l2_fh_open(file);
	if (!ret && v4l2_fh_is_singular_file(file)) {
		ret = media_open_session(media);
		if (ret)
			v4l2_fh_release(file);
	}
	mutex_unlock(&media->lock);
	return ret;
}

static int media_release(struct file *file)
{
	struct virtio_media *media = video_drvdata(file);
	bool last;

	mutex_lock(&media->lock);
	last = v4l2_fh_is_singular_file(file);
	_vb2_fop_release(file, NULL);
	if (last)
		media_close_session(media);
	mutex_unlock(&media->lock);
	return 0;
}

static const struct v4l2_file_operations media_file_ops = {
	.owner = THIS_MODULE,
	.open = media_open,
	.release = media_release,
	.unlocked_ioctl = video_ioctl2,
	.poll = vb2_fop_poll,
};

/* The virtio device */

static int media_init_queue(struct virtio_media *media, bool capture)
{
	struct vb2_queue *queue = &media->queue;

	queue->type = capture ? V4L2_BUF_TYPE_VIDEO_CAPTURE :
				V4L2_BUF_TYPE_VIDEO_OUTPUT;
	queue->io_modes = VB2_DMABUF | VB2_USERPTR;
	queue->timestamp_flags = capture ? V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC :
					   V4L2_BUF_FLAG_TIMESTAMP_COPY;
	queue->dev = &media->virtio->dev;
	queue->lock = &media->lock;
	queue->ops = &media_queue_ops;
	queue->mem_ops = &media_mem_ops;
	queue->drv_priv = media;
	queue->buf_struct_size = sizeof(struct media_buffer);
	return vb2_queue_init(queue);
}

static int media_find_queues(struct virtio_media *media)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	struct virtqueue_info info[MEDIA_QUEUES] = {
		{ "command", media_answered },
		{ "event", media_handle_events },
	};

	return virtio_find_vqs(media->virtio, MEDIA_QUEUES, media->vqs, info,
			       NULL);
#else
	vq_callback_t *callbacks[MEDIA_QUEUES] = {
		media_answered, media_handle_events,
	};
	const char *const names[MEDIA_QUEUES] = { "command", "event" };

	return virtio_find_vqs(media->virtio, MEDIA_QUEUES, media->vqs,
			       callbacks, names, NULL);
#endif
}

static int media_register(struct virtio_media *media, u32 caps)
{
	struct video_device *video = &media->video;

	strscpy(video->name, media->card, sizeof(video->name));
	video->v4l2_dev = &media->v4l2;
	video->queue = &media->queue;
	video->lock = &media->lock;
	video->fops = &media_file_ops;
	video->ioctl_ops = &media_ioctl_ops;
	video->vfl_dir = media_is_capture(&media->queue) ? VFL_DIR_RX :
							   VFL_DIR_TX;
	video->device_caps = caps;
	video->release = video_device_release_empty;
	video_set_drvdata(video, media);
	return video_register_device(video, VFL_TYPE_VIDEO, -1);
}

static void media_free(struct v4l2_device *v4l2)
{
	kfree(container_of(v4l2, struct virtio_media, v4l2));
}

static struct virtio_media *media_new(struct virtio_device *virtio)
{
	struct virtio_media *media = kzalloc(sizeof(*media), GFP_KERNEL);

	if (!media)
		return NULL;
	media->virtio = virtio;
	mutex_init(&media->lock);
	spin_lock_init(&media->event_lock);
	init_completion(&media->answered);
	if (v4l2_device_register(&virtio->dev, &media->v4l2)) {
		kfree(media);
		return NULL;
	}
	virtio->priv = media;
	media->v4l2.release = media_free;
	return media;
}

static void media_put(struct virtio_media *media)
{
	virtio_reset_device(media->virtio);
	media->virtio->config->del_vqs(media->virtio);
	v4l2_device_unregister(&media->v4l2);
	v4l2_device_put(&media->v4l2);
}

static int media_probe(struct virtio_device *virtio)
{
	struct virtio_media_config config;
	struct virtio_media *media;
	bool output, capture;
	int ret;

	virtio_cread_bytes(virtio, 0, &config, sizeof(config));
	output = config.device_caps & V4L2_CAP_VIDEO_OUTPUT;
	capture = config.device_caps & V4L2_CAP_VIDEO_CAPTURE;
	if (config.device_type != VFL_TYPE_VIDEO || output == capture) {
		dev_err(&virtio->dev,
			"the device is neither a video output nor a capture\n");
		return -ENODEV;
	}
	media = media_new(virtio);
	if (!media)
		return -ENOMEM;
	strscpy(media->card, config.card, sizeof(media->card));
	ret = media_find_queues(media);
	if (!ret)
		ret = media_init_queue(media, capture);
	if (!ret) {
		virtio_device_ready(virtio);
		ret = media_add_events(media);
	}
	if (!ret)
		ret = media_register(media, config.device_caps & MEDIA_CAPS);
	if (ret)
		media_put(media);
	return ret;
}

static void media_remove(struct virtio_device *virtio)
{
	struct virtio_media *media = virtio->priv;

	vb2_video_unregister_device(&media->video);
	mutex_lock(&media->lock);
	media->removed = true;
	mutex_unlock(&media->lock);
	media_put(media);
}

static const struct virtio_device_id media_ids[] = {
	{ VIRTIO_ID_MEDIA, VIRTIO_DEV_ANY_ID },
	{ 0 },
};
MODULE_DEVICE_TABLE(virtio, media_ids);

static struct virtio_driver media_driver = {
	.driver.name = MEDIA_NAME,
	.id_table = media_ids,
	.probe = media_probe,
	.remove = media_remove,
};
module_virtio_driver(media_driver);

MODULE_DESCRIPTION("Video outputs and captures of virtio media devices");
MODULE_LICENSE("GPL");
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif

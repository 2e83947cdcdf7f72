/*
 * Tests of tests/vhost-user/rust, a back-end on the crates of rust-vmm that
 * exports and imports objects
 *
 * QTEST_RUST_BACKENDS names a folder with two builds of the program: in
 * "with-lookup", the crate "vhost" has the function in vhost-lookup.rs.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <glib/gstdio.h>
#include "libqtest.h"
#include "virtio-export/process-fds.h"
#include "virtio-export/program.h"
#include "virtio-export/scene.h"

#define PROGRAM     "vhost-user-objects"
#define WITH_LOOKUP "with-lookup"
#define TIME_LIMIT_S 60

/* The UUIDs uuid_a and uuid_b, as the program reads them */
#define A " 30313233-3435-3637-3839-616263646566"
#define B " 66656463-6261-3938-3736-353433323130"

typedef struct Program {
    GPid pid;
    FILE *in, *out;
} Program;

/* A back-end in Rust and one in this process, and a QEMU between them */
typedef struct RustScene {
    char *folder, *path;
    Program rust;
    VhostUserPeer *peer;
    QTestState *qts;
} RustScene;

/* @uuids: the program's first objects, each UUID preceded by a space */
static Program program_new(const char *name, const char *path,
                           const char *uuids)
{
    g_autofree char *command = g_strdup_printf(
        "%s/%s %s%s", g_getenv("QTEST_RUST_BACKENDS"), name, path, uuids);
    g_auto(GStrv) argv = g_strsplit(command, " ", -1);
    Program program;
    int in, out;

    g_assert_true(g_spawn_async_with_pipes(
        NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, program_setup, NULL,
        &program.pid, &in, &out, NULL, NULL));
    program.in = fdopen(in, "w");
    program.out = fdopen(out, "r");
    program_wait(program.pid, path);
    return program;
}

static void program_kill(Program *program)
{
    program_end(program->pid);
    fclose(program->in);
    fclose(program->out);
}

static void program_send(Program *program, const char *command)
{
    fprintf(program->in, "%s\n", command);
    fflush(program->in);
}

static char *program_answer(Program *program)
{
    char line[256];

    g_assert_nonnull(fgets(line, sizeof(line), program->out));
    return g_strdup(g_strchomp(line));
}

static void assert_answer(Program *program, const char *command,
                          const char *beginning)
{
    g_autofree char *answer = NULL;

    program_send(program, command);
    answer = program_answer(program);
    g_test_message("%s: %s", command, answer);
    g_assert_true(g_str_has_prefix(answer, beginning));
}

static uint64_t inode_in(const char *answer)
{
    g_assert_true(g_str_has_prefix(answer, "ok "));
    return g_ascii_strtoull(answer + 3, NULL, 10);
}

/* The inode of an object; the command must succeed */
static uint64_t found(Program *program, const char *command)
{
    g_autofree char *answer = NULL;

    program_send(program, command);
    answer = program_answer(program);
    return inode_in(answer);
}

static uint64_t inode_of(int fd)
{
    struct stat st;

    g_assert_cmpint(fstat(fd, &st), ==, 0);
    return st.st_ino;
}

/* The inode of an object that another back-end looks up; 0 if there is none */
static uint64_t peer_finds(VhostUserPeer *peer, const uint8_t *uuid)
{
    int fd = vhost_user_peer_lookup(peer, uuid);
    uint64_t inode;

    if (fd < 0) {
        return 0;
    }
    inode = inode_of(fd);
    close(fd);
    return inode;
}

static uint64_t peer_adds(VhostUserPeer *peer, const uint8_t *uuid)
{
    g_assert_true(vhost_user_peer_add(peer, uuid));
    return inode_of(vhost_user_peer_memory(peer));
}

/* QEMU with a disk for each socket, and options for a peer */
static QTestState *start_qemu(const char *path, const char *more)
{
    return qtest_initf("-m 64M -nodefaults -machine pc,memory-backend=mem"
                       " -object memory-backend-memfd,id=mem,size=64M,share=on"
                       " -chardev socket,id=rust,path=%s,reconnect-ms=100"
                       " -device vhost-user-blk-pci,chardev=rust,num-queues=1"
                       " %s", path, more);
}

static void start_qemu_with_peer(RustScene *s)
{
    g_autofree char *args = NULL;

    s->peer = vhost_user_peer_new("peer", true);
    args = vhost_user_peer_args(s->peer, "");
    s->qts = start_qemu(s->path, args);
    vhost_user_peer_wait_ready(s->peer);
}

static RustScene scene_begin_with(const char *program, const char *uuids)
{
    RustScene s = { .folder = g_dir_make_tmp("rust-XXXXXX", NULL) };

    alarm(TIME_LIMIT_S);
    g_assert_nonnull(s.folder);
    s.path = g_build_filename(s.folder, "socket", NULL);
    s.rust = program_new(program, s.path, uuids);
    start_qemu_with_peer(&s);
    return s;
}

static RustScene scene_begin(const char *uuids)
{
    return scene_begin_with(PROGRAM, uuids);
}

static void scene_stop_qemu(RustScene *s)
{
    qtest_quit(s->qts);
    vhost_user_peer_free(s->peer);
}

static void scene_finish(RustScene *s)
{
    scene_stop_qemu(s);
    program_kill(&s->rust);
    g_unlink(s->path);
    g_assert_cmpint(g_rmdir(s->folder), ==, 0);
    g_free(s->path);
    g_free(s->folder);
    alarm(0);
}

static unsigned fds_of_qemu(RustScene *s)
{
    return process_fds_settled(s->qts);
}

/* Another back-end finds the program's object until the program removes it */
static void exports(void)
{
    RustScene s = scene_begin("");
    uint64_t inode = found(&s.rust, "add" A);
    unsigned before;

    g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, inode);
    before = fds_of_qemu(&s);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, inode);
    }
    assert_answer(&s.rust, "add" A, "error: entity already exists");
    g_assert_false(vhost_user_peer_add(s.peer, uuid_a));
    peer_adds(s.peer, uuid_b);
    assert_answer(&s.rust, "add" B, "error");
    g_assert_cmpuint(found(&s.rust, "remove" A), ==, inode);
    g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, 0);
    assert_answer(&s.rust, "remove" A, "error");
    peer_adds(s.peer, uuid_a);
    g_assert_cmpuint(fds_of_qemu(&s), ==, before);
    scene_finish(&s);
}

/* The program finds another back-end's object, but no unknown object */
static void check_lookups(const char *program, const char *command)
{
    RustScene s = scene_begin_with(program, "");
    g_autofree char *find_a = g_strconcat(command, A, NULL);
    g_autofree char *find_b = g_strconcat(command, B, NULL);
    uint64_t inode = peer_adds(s.peer, uuid_a);
    unsigned before;

    g_assert_cmpuint(found(&s.rust, find_a), ==, inode);
    before = fds_of_qemu(&s);
    for (int i = 0; i < 10; i++) {
        g_assert_cmpuint(found(&s.rust, find_a), ==, inode);
        assert_answer(&s.rust, find_b, "error");
        found(&s.rust, "add" B);
        found(&s.rust, "remove" B);
    }
    g_assert_cmpuint(fds_of_qemu(&s), ==, before);
    scene_finish(&s);
}

static void imports(void)
{
    check_lookups(PROGRAM, "lookup");
}

static void imports_with_function(void)
{
    check_lookups(WITH_LOOKUP, "vhost-lookup");
}

static void own_object(void)
{
    RustScene s = scene_begin("");
    uint64_t inode = found(&s.rust, "add" A);

    g_assert_cmpuint(found(&s.rust, "lookup" A), ==, inode);
    scene_finish(&s);
}

/* The crate's function for lookups fails, but the connection still works */
static void function_of_the_crate(void)
{
    RustScene s = scene_begin("");
    uint64_t inode = peer_adds(s.peer, uuid_a);
    unsigned before;

    g_assert_cmpuint(found(&s.rust, "lookup" A), ==, inode);
    before = fds_of_qemu(&s);
    for (int i = 0; i < 10; i++) {
        assert_answer(&s.rust, "crate-lookup" A, "error: invalid message");
        assert_answer(&s.rust, "crate-lookup" B, "error");
    }
    g_assert_cmpuint(found(&s.rust, "lookup" A), ==, inode);
    g_assert_cmpuint(fds_of_qemu(&s), ==, before);
    scene_finish(&s);
}

/* Objects can be added in set_backend_req_fd() */
static void added_at_start(void)
{
    RustScene s = scene_begin(A B);

    g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==,
                     found(&s.rust, "lookup" A));
    g_assert_cmpuint(peer_finds(s.peer, uuid_b), ==,
                     found(&s.rust, "lookup" B));
    scene_finish(&s);
}

/* Reserved UUIDs are rejected, and the program is never asked for them */
static void reserved_uuids(void)
{
    uint8_t uuid[PEER_UUID_SIZE] = { 0 };
    RustScene s = scene_begin("");
    uint64_t inode;

    assert_answer(&s.rust, "add 00000000-0000-0000-0000-000000000000", "error");
    g_assert_cmpuint(peer_finds(s.peer, uuid), ==, 0);
    assert_answer(&s.rust, "add ffffffff-ffff-ffff-ffff-ffffffffffff", "error");
    memset(uuid, 0xff, sizeof(uuid));
    g_assert_cmpuint(peer_finds(s.peer, uuid), ==, 0);
    inode = found(&s.rust, "add" A);
    g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, inode);
    scene_finish(&s);
}

/* QEMU survives a death in a lookup, and reconnects */
static void dies_in_lookup(void)
{
    RustScene s = scene_begin(A);
    uint64_t before = peer_finds(s.peer, uuid_a);

    for (int i = 0; i < 3; i++) {
        kill(s.rust.pid, SIGSTOP);
        g_assert_cmpint(waitpid(s.rust.pid, NULL, WUNTRACED), ==, s.rust.pid);
        send_lookup(s.peer, uuid_a);
        qtest_qmp_assert_success(s.qts, "{ 'execute': 'query-status' }");
        program_kill(&s.rust);
        assert_lookup_failed(s.peer);
        g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, 0);

        s.rust = program_new(PROGRAM, s.path, A);
        while (!peer_finds(s.peer, uuid_a)) {
            g_usleep(1000);
        }
        g_assert_cmpuint(peer_finds(s.peer, uuid_a), !=, before);
    }
    scene_finish(&s);
}

/* The program adds its objects to the next QEMU */
static void next_qemu(void)
{
    RustScene s = scene_begin(A);
    uint64_t b = found(&s.rust, "add" B), a = peer_finds(s.peer, uuid_a);

    g_assert_cmpuint(a, !=, 0);
    scene_stop_qemu(&s);
    start_qemu_with_peer(&s);
    g_assert_cmpuint(peer_finds(s.peer, uuid_a), ==, a);
    g_assert_cmpuint(peer_finds(s.peer, uuid_b), ==, b);
    g_assert_cmpuint(found(&s.rust, "lookup" A), ==, a);
    scene_finish(&s);
}

static void assert_finds(Program *program, uint64_t inode)
{
    g_autofree char *answer = program_answer(program);

    g_assert_cmpuint(inode_in(answer), ==, inode);
}

/* Two programs look each other's object up at the same time */
static void two_programs(void)
{
    g_autofree char *folder = g_dir_make_tmp("rust-XXXXXX", NULL);
    g_autofree char *path1 = g_build_filename(folder, "1", NULL);
    g_autofree char *path2 = g_build_filename(folder, "2", NULL);
    g_autofree char *args = g_strdup_printf(
        " -chardev socket,id=two,path=%s,reconnect-ms=100"
        " -device vhost-user-blk-pci,chardev=two,num-queues=1", path2);
    Program one = program_new(PROGRAM, path1, A);
    Program two = program_new(PROGRAM, path2, B);
    QTestState *qts = start_qemu(path1, args);
    uint64_t a = found(&one, "lookup" A), b = found(&two, "lookup" B);

    alarm(TIME_LIMIT_S);
    for (int i = 0; i < 50; i++) {
        program_send(&one, "lookup" B);
        program_send(&two, "lookup" A);
        assert_finds(&one, b);
        assert_finds(&two, a);
    }
    qtest_quit(qts);
    program_kill(&one);
    program_kill(&two);
    g_unlink(path1);
    g_unlink(path2);
    g_rmdir(folder);
    alarm(0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);

    if (g_getenv("QTEST_RUST_BACKENDS")) {
        qtest_add_func("/vhost-user-rust/exports", exports);
        qtest_add_func("/vhost-user-rust/imports", imports);
        qtest_add_func("/vhost-user-rust/imports-with-function",
                       imports_with_function);
        qtest_add_func("/vhost-user-rust/own-object", own_object);
        qtest_add_func("/vhost-user-rust/function-of-the-crate",
                       function_of_the_crate);
        qtest_add_func("/vhost-user-rust/added-at-start", added_at_start);
        qtest_add_func("/vhost-user-rust/reserved-uuids", reserved_uuids);
        qtest_add_func("/vhost-user-rust/dies-in-lookup", dies_in_lookup);
        qtest_add_func("/vhost-user-rust/next-qemu", next_qemu);
        qtest_add_func("/vhost-user-rust/two-programs", two_programs);
    }
    return g_test_run();
}

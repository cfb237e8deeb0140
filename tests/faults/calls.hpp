// The system calls that can be made to fail, and how the library in the program talks to the tracer.
#pragma once

#include <sys/syscall.h>

namespace dnsp::faults {

enum class Argument { none, descriptor, path, path_at };

struct Call {
    long number;
    const char* name;
    const char* kind;
    Argument argument;
};

inline constexpr Call calls[] = {
    {SYS_write, "write", "write", Argument::descriptor},
    {SYS_pwrite64, "pwrite", "write", Argument::descriptor},
    {SYS_writev, "writev", "write", Argument::descriptor},
    {SYS_sendfile, "sendfile", "copy", Argument::descriptor},
    {SYS_copy_file_range, "copy_file_range", "copy", Argument::descriptor},
    {SYS_read, "read", "read", Argument::descriptor},
    {SYS_pread64, "pread", "read", Argument::descriptor},
    {SYS_readv, "readv", "read", Argument::descriptor},
    {SYS_lseek, "lseek", "seek", Argument::descriptor},
    {SYS_open, "open", "open", Argument::path},
    {SYS_openat, "openat", "open", Argument::path_at},
    {SYS_creat, "creat", "open", Argument::path},
    {SYS_close, "close", "close", Argument::descriptor},
    {SYS_fsync, "fsync", "sync", Argument::descriptor},
    {SYS_fdatasync, "fdatasync", "sync", Argument::descriptor},
    {SYS_ftruncate, "ftruncate", "truncate", Argument::descriptor},
    {SYS_truncate, "truncate", "truncate", Argument::path},
    {SYS_stat, "stat", "stat", Argument::path},
    {SYS_lstat, "lstat", "stat", Argument::path},
    {SYS_fstat, "fstat", "stat", Argument::descriptor},
    {SYS_newfstatat, "fstatat", "stat", Argument::path_at},
    {SYS_statx, "statx", "stat", Argument::path_at},
    {SYS_getdents64, "getdents", "list", Argument::descriptor},
    {SYS_rename, "rename", "rename", Argument::path},
    {SYS_renameat, "renameat", "rename", Argument::path_at},
    {SYS_renameat2, "renameat2", "rename", Argument::path_at},
    {SYS_link, "link", "link", Argument::path},
    {SYS_linkat, "linkat", "link", Argument::path_at},
    {SYS_symlink, "symlink", "link", Argument::path},
    {SYS_unlink, "unlink", "unlink", Argument::path},
    {SYS_unlinkat, "unlinkat", "unlink", Argument::path_at},
    {SYS_rmdir, "rmdir", "unlink", Argument::path},
    {SYS_mkdir, "mkdir", "mkdir", Argument::path},
    {SYS_mkdirat, "mkdirat", "mkdir", Argument::path_at},
    {SYS_chmod, "chmod", "chmod", Argument::path},
    {SYS_fchmod, "fchmod", "chmod", Argument::descriptor},
    {SYS_fchmodat, "fchmodat", "chmod", Argument::path_at},
    {SYS_flock, "flock", "lock", Argument::descriptor},
    {SYS_mmap, "mmap", "map", Argument::none},
    {SYS_mremap, "mremap", "map", Argument::none},
    {SYS_brk, "brk", "map", Argument::none},
    {SYS_clone, "clone", "thread", Argument::none},
    {SYS_clone3, "clone3", "thread", Argument::none},
    {SYS_fork, "fork", "thread", Argument::none},
    {SYS_vfork, "vfork", "thread", Argument::none},
    {SYS_pipe, "pipe", "pipe", Argument::none},
    {SYS_pipe2, "pipe2", "pipe", Argument::none},
    {SYS_wait4, "wait4", "wait", Argument::none},
};

/// A call that Linux does not have: a message to the tracer, with one of these codes and a number.
inline constexpr long message_call = 1000;
inline constexpr unsigned long allocations_counted = 1, allocation_failed = 2;

}  // namespace dnsp::faults

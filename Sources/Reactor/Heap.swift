internal import CLinux
internal import Glibc

/// The C library's heap, of which Swift's objects and arrays are part.
public enum Heap {
    /// Blocks of this size and more go back to the system when they are freed. 2 MiB: pages of the log and large bodies
    /// are; messages of 1 MiB, of which a long push has hundreds, are not, as each would cost 256 page faults.
    private static let returnedBytes: Int32 = 2 << 20

    /// Makes the process give memory back: called once, before it has threads.
    ///
    /// Left alone, glibc learns from the first large block that is freed to keep up to 32 MiB of such, and has eight
    /// arenas a core, each of which keeps its own: after 100 MB of pushes and a pull the hub held 90 MiB more than
    /// before, and 60 with this. An arena for each core is enough, as threads keep small blocks to themselves.
    public static func returnLargeBlocks() {
        _ = mallopt(M_MMAP_THRESHOLD, returnedBytes)
        _ = mallopt(M_TRIM_THRESHOLD, returnedBytes)
        _ = mallopt(M_ARENA_MAX, max(2, Int32(clamping: sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
    }
}

import Glibc
import Testing

@testable import Load

@Suite("Process probe")
struct ProcessProbeTests {
    @Test("CPU time is read behind a name with spaces and brackets")
    func stat() throws {
        let text = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 321 45 0 0 20 0 3 0 100 1000 200"
        let ticks = try #require(ProcessProbe.ticks(stat: text))
        #expect(ticks == (321, 45))
        #expect(ProcessProbe.ticks(stat: "42 (x) S 1") == nil)
    }

    @Test("memory is read from its line")
    func status() {
        let text = "Name:\tx\nVmRSS:\t   12345 kB\nRssAnon:\t 1 kB\n"
        #expect(ProcessProbe.kibibytes(status: text, field: "VmRSS") == 12_345)
        #expect(ProcessProbe.kibibytes(status: text, field: "VmSwap") == nil)
    }

    @Test("only a listening socket of the port counts")
    func inodes() {
        let table = """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:2253 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 x
               1: 0100007F:2253 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 x
               2: 0100007F:2254 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 x
            """
        #expect(ProcessProbe.listeningInodes(table: table, port: 0x2253) == ["111"])
    }

    @Test("this process has memory, and there is none with a number out of range")
    func own() {
        #expect((ProcessProbe(pid: getpid()).residentBytes ?? 0) > 1_000_000)
        #expect(ProcessProbe(pid: getpid()).cpuTime != nil)
        #expect(ProcessProbe(pid: .max).cpuTime == nil)
    }
}

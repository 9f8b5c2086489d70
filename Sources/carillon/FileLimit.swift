internal import Foundation
internal import Logging

/// How many descriptors the process may have: one per connection.
enum FileLimit {
    /// Raises the soft limit, 1,024 on most systems, to the hard one.
    static func raise(_ log: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        guard limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
            log.notice("the limit of open files stays as it is: \(String(cString: strerror(errno)))")
        }
    }
}

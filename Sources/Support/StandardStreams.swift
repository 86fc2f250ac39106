import Foundation

/// Standard output and standard error, which may be closed, or lead to a full disk or to a reader
/// that is gone.
///
/// Foundation's handles end the process then; these functions return the error.
public enum StandardStreams {
  /// Makes sure that no file of this process takes the place of a closed standard stream, that
  /// trouble with writing is an error and not a signal, and that as many files can be open as the
  /// system lets this process have.
  ///
  /// A file that gets the number of a closed stream would receive the messages. The C functions are
  /// `open`, `signal` and `setrlimit`. Call it before any file is opened.
  public static func prepare() {
    for stream in Int32(0)...2 where fcntl(stream, F_GETFD) < 0 {
      // Opened for reading alone: a result that is written to it is known to be lost.
      let empty = open("/dev/null", O_RDONLY)
      if empty >= 0 && empty != stream {
        dup2(empty, stream)
        close(empty)
      }
    }
    for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
    let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    if getrlimit(descriptors, &limit) == 0 {
      // Some systems allow a thousand million, which programs then close one by one.
      limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 1 << 16))
      setrlimit(descriptors, &limit)
    }
  }

  /// Writes a text to standard error in one call, so that lines of ranks do not mix.
  ///
  /// A text that cannot be written is lost: a lost message is no reason to end.
  public static func message(_ text: String) { _ = write(text, to: 2) }

  /// Writes a text to standard output.
  ///
  /// - Throws: ``LostResult``.
  public static func result(_ text: String) throws(LostResult) {
    if let number = write(text, to: 1) { throw LostResult(errorNumber: number) }
  }

  /// Makes sure that a network file system has accepted what was written to standard output.
  ///
  /// - Throws: ``LostResult``.
  public static func finishResults() throws(LostResult) {
    // Such a file system reports a full disk when a descriptor is closed.
    let copy = dup(1)
    if copy >= 0 && close(copy) != 0 && errno != EINTR { throw LostResult(errorNumber: errno) }
  }

  /// Writes all of a text.
  ///
  /// The C function is `write`.
  ///
  /// - Returns: the error number if a part is lost.
  private static func write(_ text: String, to stream: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Foundation.write(stream, part.baseAddress, part.count)
        if count > 0 {
          rest = rest.dropFirst(count)
        } else if count == 0 {
          return ENOSPC
        } else if errno == EAGAIN {
          // Who shares the terminal or pipe has set it not to block.
          var wait = pollfd(fd: stream, events: Int16(POLLOUT), revents: 0)
          poll(&wait, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }
}

/// A result that standard output did not take: it is closed, or leads to a full disk or to a reader
/// that is gone.
public struct LostResult: ExitStatusError, Equatable, CustomStringConvertible {
  /// The system's error number.
  public let errorNumber: Int32

  /// One line.
  public var description: String {
    "standard output: the result is lost: " + String(cString: strerror(errorNumber)).lowercased()
  }

  /// 74, as for a file that cannot be written.
  public var exitStatus: Int32 { 74 }
}

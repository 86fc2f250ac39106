import Foundation

/// The terminal to which standard error leads: of this process, or of `launch/cleave`, whose
/// `mpirun` passes on what ranks write.
struct Terminal {
  private static let variable = "CLEAVE_TERMINAL"
  private let descriptor: Int32
  /// Columns at the start of the job, as the script gives them.
  private let announced: Int

  /// The terminal; nil if standard error leads elsewhere.
  init?() {
    // The script gives the columns and the device, as `80 /dev/pts/1`.
    let words = ProcessInfo.processInfo.environment[Self.variable]?.split(separator: " ")
    unsetenv(Self.variable)
    if isatty(2) != 0 {
      (descriptor, announced) = (2, 80)
    } else if let words, words.count == 2, let columns = Int(words[0]) {
      announced = columns > 1 ? columns : 80
      // On another host there may be no such device.
      descriptor = open(String(words[1]), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
    } else {
      return nil
    }
  }

  /// Its present columns; a longer progress line could not be replaced.
  var columns: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else {
      return announced
    }
    return Int(size.ws_col)
  }
}

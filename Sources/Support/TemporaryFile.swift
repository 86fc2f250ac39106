import Foundation

/// Hidden names for files and folders that grow beside their target and get its name by one rename.
///
/// Nobody can guess a name. Whoever makes the file must ask for a new one (`O_EXCL`), so that
/// neither another file nor a link is written through.
public enum TemporaryFile {
  /// A new name beside `target`: `.NAME.PLACE-PROCESS-RANDOM`.
  ///
  /// Removes what killed processes left for the same target, if they ran here and are surely dead.
  public static func name(beside target: String) -> String {
    let url = URL(filePath: target)
    let folder = url.deletingLastPathComponent()
    let stem = ".\(url.lastPathComponent).\(place)-"
    removeDead(in: folder.path, stem)
    let random = hexadecimal(UInt64.random(in: 0...UInt64.max))
    return folder.appending(path: "\(stem)\(getpid())-\(random)").path
  }

  /// This start of the machine and this namespace of processes, in which process numbers mean
  /// something; another machine or container has another place.
  private static let place: String = {
    let boot =
      (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? ""
    let space =
      (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
    // Without a proof of the place, the name is unique, so that nothing is ever taken for dead.
    guard !boot.isEmpty, !space.isEmpty else {
      return hexadecimal(UInt64.random(in: 0...UInt64.max))
    }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in (boot + space).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hexadecimal(hash)
  }()

  private static func removeDead(in folder: String, _ stem: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name.hasPrefix(stem),
        let process = pid_t(name.dropFirst(stem.count).prefix(while: \.isNumber)), process > 0,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      let path = folder + "/" + name
      if unlink(path) != 0, errno == EISDIR || errno == EPERM {
        try? FileManager.default.removeItem(atPath: path)
      }
    }
  }

  private static func hexadecimal(_ number: UInt64) -> String {
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

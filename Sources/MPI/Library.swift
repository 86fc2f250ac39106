import CMPI

extension Communicator {
  /// The MPI library in use with its version, such as "Open MPI v4.1.4".
  ///
  /// The value is known without ranks too. The C function is `MPI_Get_library_version`.
  public static var libraryVersion: String {
    var length: Int32 = 0
    let text = String(unsafeUninitializedCapacity: Int(MPI_MAX_LIBRARY_VERSION_STRING)) { buffer in
      buffer.withMemoryRebound(to: CChar.self) {
        MPI_Get_library_version($0.baseAddress, &length) == MPI_SUCCESS ? Int(length) : 0
      }
    }
    return String(text.prefix { $0 != "," && $0 != "\n" && $0 != "\0" })
  }
}

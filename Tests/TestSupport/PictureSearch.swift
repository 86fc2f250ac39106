import Images

extension Picture {
  /// The places where an image of bytes, `[height, width, channels]`, lies in this picture, each
  /// pixel enlarged to a square.
  public func places(
    of image: [UInt8], height: Int, width: Int, zoom: Int
  ) -> [(top: Int, left: Int)] {
    let lengths = (zoom * height, zoom * width)
    guard lengths.0 <= self.height, lengths.1 <= self.width else { return [] }
    func holds(_ top: Int, _ left: Int, _ step: Int) -> Bool {
      for y in stride(from: 0, to: lengths.0, by: step) {
        for x in stride(from: 0, to: lengths.1, by: step) {
          let mine = ((top + y) * self.width + left + x) * channels
          let its = (y / zoom * width + x / zoom) * channels
          for channel in 0..<channels where bytes[mine + channel] != image[its + channel] {
            return false
          }
        }
      }
      return true
    }
    var found: [(top: Int, left: Int)] = []
    for top in 0...self.height - lengths.0 {
      for left in 0...self.width - lengths.1
      where holds(top, left, zoom) && holds(top, left, 1) {
        found.append((top, left))
      }
    }
    return found
  }
}

import Datasets
import Testing
import Training

/// Images that choose the best checkpoint.
struct ValidationTests {
  /// `rows` counts images, also of a run on their patches; patches of the others validate.
  @Test func patchesOfOtherImagesValidate() throws {
    let images = LinearTraining.images(5)
    var common = CommonSettings()
    (common.data.rows, common.data.patch, common.data.stride) = (3, 2, 2)
    let used = try images.trainingRows(by: common.data)
    #expect(used.count == 12 && used.whole.count == 3)
    let validation = try #require(try ValidationImages(common, beside: used))
    #expect(validation.rows == 12..<20)
    let others = try images.rows(by: common.data)
    #expect(validation.images.values(12..<20) == others.values(12..<20))
    common.data.rows = nil
    let all = try images.trainingRows(by: common.data)
    let none = try ValidationImages(common, beside: all)
    #expect(all.count == 20 && none == nil)
  }
}

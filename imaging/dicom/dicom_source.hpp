#pragma once

#include <gdcmDataSet.h>
#include <gdcmFile.h>
#include <gdcmSmartPointer.h>

#include <array>
#include <string>
#include <vector>

namespace dnsp::imaging {

using Vector3 = std::array<double, 3>;

inline double dot(const Vector3& a, const Vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// An image of a series: a file, or a frame of one.
struct DicomImage {
    gdcm::SmartPointer<gdcm::File> file;
    int frame = 0;
    std::string path;
    Vector3 position{};  ///< of the first pixel, mm, x to the left, y to the back, z to the head (LPS)
    double slope = 1.0, intercept = 0.0;
};

/// Private to this folder.
struct DicomSource {
    std::vector<DicomImage> images;     ///< by position along `normal`
    Vector3 row{}, column{}, normal{};  ///< unit vectors: along a row, along a column, row × column
};

/// Elements of data sets as text without padding; empty if absent.
std::string text_of(const gdcm::DataSet& data, const gdcm::Tag& tag);

}  // namespace dnsp::imaging

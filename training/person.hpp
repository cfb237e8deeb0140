#pragma once

#include <string>
#include <vector>

#include "training/subject.hpp"

// Which person a file shows. One rule for training, validation and evaluation. The first of these that
// applies gives the label:
//   1. --subject-of: the first group of a regular expression (ECMAScript), or its match without a group, in
//      the file name; if it matches nothing there, in the path as it was given.
//   2. BIDS: "sub-LABEL" at the start of the file name or after "_", or at the start of the name of the
//      nearest folder that has it. Two data sets may both have a sub-01. They are told apart if the data set
//      of every file of that label is known: an ancestor folder is named like an OpenNeuro accession ("ds"
//      and six digits), or it holds a dataset_description.json that is not that of a derivative. The label is
//      then "ds000011:sub-01". Otherwise equal sub-LABELs are one person.
//   3. A folder for each person: a file name, without its extension, that occurs in several folders, or
//      several names of words for contrasts, sessions and processing alone (T1, T2). All files of such a
//      folder show the person that the folder is named after; folders named by such words alone (T1, ses-2,
//      anat) stand for the folder above. A file beside others of other names in a folder named after a
//      contrast goes by its own name.
//   4. The file name without words for contrast, session, run and processing (person.cpp lists them):
//      patient19_T1 and patient19_T2 are patient19, OAS1_0001_MR1_mpr-1_anon is OAS1_0001. A number after
//      such a word belongs to it if the name before has a digit, or if the word is one for sessions and runs.
//      A number at the end of a picture's name is that of the slice.
// Files of equal voxels show one person, whatever their names say (unite_equal_content()).
namespace dnsp {

/// The persons of a list of files.
struct Persons {
    std::vector<std::string> labels;  ///< of each file
    std::string basis;                ///< by what they were told apart: "by sub-… in the names"
    bool by_name_alone = false;       ///< by rule 4 alone
    bool every_file = false;          ///< by rule 4 alone, and every file has its own label
};

/// The persons of files, from their paths alone. Paths need not exist. Throws Error for an invalid pattern
/// and for a path in which it matches nothing.
Persons persons_of(const std::vector<std::string>& paths, const std::string& pattern = "");

/// Labels after files of equal content, and all others of their labels, have become one person.
struct UnitedPersons {
    std::vector<std::string> labels;
    std::string
        text;  ///< "a.nii and b.nii hold the same voxels and are one person"; empty if no two are equal
};

/// `contents`: of each file, content_of(); empty: unknown. If all files became one person although rules 1 to
/// 3 tell several apart, and `names_may_stand`, the labels stay and the text says so.
UnitedPersons unite_equal_content(const Persons& persons, const std::vector<std::string>& paths,
                                  const std::vector<std::string>& contents, bool names_may_stand);

/// By what the persons of subjects were told apart, for the description of a split.
struct ToldApart {
    std::string text;  ///< "told apart by folder; a.nii and b.nii hold the same voxels and are one person"
    bool every_file = false;  ///< Persons::every_file
};

/// Sets Subject::person of the training and validation subjects together, by their paths and by their voxels
/// (Subject::content). Names may stand if there are no validation subjects.
ToldApart name_persons(std::vector<Subject>& training, std::vector<Subject>& validation,
                       const std::string& pattern);

}  // namespace dnsp

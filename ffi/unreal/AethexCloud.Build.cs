// AeThex Cloud as a third-party module of an Unreal project or plugin.
//
// Put this file and the folders of a release archive into Source/ThirdParty/AethexCloud:
//   AethexCloud.Build.cs
//   include/aethex_cloud.h
//   lib/<Win64|Linux|Mac>/...   the libraries for each platform you ship
// and name "AethexCloud" in the PublicDependencyModuleNames of the module that uses it. Then
// #include "aethex_cloud.h", make the cloud in your subsystem's Initialize, call aethex_tick from an
// FTSTicker and destroy it in Deinitialize: callbacks then run on the game thread.

using System.IO;
using UnrealBuildTool;

public class AethexCloud : ModuleRules
{
    public AethexCloud(ReadOnlyTargetRules Target) : base(Target)
    {
        Type = ModuleType.External;
        PublicSystemIncludePaths.Add(Path.Combine(ModuleDirectory, "include"));
        string Libraries = Path.Combine(ModuleDirectory, "lib", Target.Platform.ToString());

        if (Target.Platform == UnrealTargetPlatform.Win64)
        {
            PublicAdditionalLibraries.Add(Path.Combine(Libraries, "aethex_cloud.dll.lib"));
            PublicDelayLoadDLLs.Add("aethex_cloud.dll");
            RuntimeDependencies.Add("$(BinaryOutputDir)/aethex_cloud.dll", Path.Combine(Libraries, "aethex_cloud.dll"));
        }
        else if (Target.Platform == UnrealTargetPlatform.Mac)
        {
            string Library = Path.Combine(Libraries, "libaethex_cloud.dylib");
            PublicAdditionalLibraries.Add(Library);
            RuntimeDependencies.Add("$(BinaryOutputDir)/libaethex_cloud.dylib", Library);
        }
        else if (Target.Platform == UnrealTargetPlatform.Linux)
        {
            string Library = Path.Combine(Libraries, "libaethex_cloud.so");
            PublicAdditionalLibraries.Add(Library);
            PublicRuntimeLibraryPaths.Add(Libraries);
            RuntimeDependencies.Add("$(BinaryOutputDir)/libaethex_cloud.so", Library);
        }
        else
        {
            throw new BuildException("AeThex Cloud is not built for " + Target.Platform);
        }
    }
}
